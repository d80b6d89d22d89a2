"""The walk-forward compared with the bare fits it is made of, in one run."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pandas as pd

from bench.goal import Goal
from bench.stopwatch import Stopwatch
from volcast.core.settings import Universe, read_settings
from volcast.data.ingest import ingest
from volcast.data.sources import open_source
from volcast.data.validate import validate
from volcast.evaluation.folds import folds, narrowed
from volcast.evaluation.garch import garch_forecasts
from volcast.evaluation.walkforward import walk_forward
from volcast.features import labels
from volcast.features.build import build
from volcast.features.point_in_time import features_at_close, labelled
from volcast.models.baselines import fit_baselines
from volcast.models.blend import linear_data, tree_data
from volcast.models.gamma import fit_gamma
from volcast.models.recipe import BASELINE_INPUTS
from volcast.models.trees import fit_trees
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY

__all__ = ["measure_skill"]

_DATA = "VOLCAST_TEST_DATA"
_SEED, _ROUNDS = 7, 3

_Fit = Callable[[], object]


def measure_skill(timed: Stopwatch) -> dict[str, object]:
    """Time the walk-forward over the longest history at hand; return the ratios and what of.

    That is SPY from the folder ``VOLCAST_TEST_DATA`` (by default ../shared/data), else the sample.
    """
    folder = Path(os.environ.get(_DATA, "../shared/data"))
    own: dict[str, object] = {"source": "sample"}
    if (folder / "market" / "SPY.csv").is_file():
        own = {"source": "csv", "source_path": folder}
    with tempfile.TemporaryDirectory(prefix="volcast-bench-") as place:
        rows, universe = _rows(f"{place}/store", own)
        fits = _laid_out(rows)
        walked = walk_forward(rows, _SEED).rows
        rounds = [
            (_processor(lambda: walk_forward(rows, _SEED)), _processor(lambda: _bare(*fits)))
            for _ in range(_ROUNDS)
        ]
        for name, processes, store in (("one process", 1, 1), ("two", 2, 2), ("cached", 2, 2)):
            with timed(f"GARCH baselines: {name}"):
                garch_forecasts(rows, Store.open(f"{place}/fits-{store}"), processes=processes)
    took = timed.milliseconds
    ratio = min(whole for whole, _ in rounds) / min(bare for _, bare in rounds)
    goal = Goal("walk forward, whole over bare fits", round(ratio, 3), "<=", 1.15)
    what, reached = goal.line
    return {
        "history": f"{universe.target}, {walked['forecast'].notna().sum()} forecasts to "
        f"{rows['session'].iloc[-1]}",
        what: reached,
        "GARCH, two processes over one": _ratio(took, "GARCH baselines: two", "one process"),
        "GARCH, cached fits over new": _ratio(took, "GARCH baselines: cached", "one process"),
    }


def _processor(do: _Fit) -> float:
    """Return the processor seconds of all threads, which other processes hardly change."""
    began = time.process_time()
    do()
    return time.process_time() - began


def _ratio(milliseconds: Mapping[str, float], one: str, other: str) -> float:
    part = one.partition(":")[0]
    return round(milliseconds[one] / milliseconds[f"{part}: {other}"], 3)


def _bare(linear: Sequence[_Fit], trees: Sequence[_Fit]) -> None:
    for fit in linear:
        fit()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(lambda fit: fit(), trees))


def _rows(folder: str, own: dict[str, object]) -> tuple[pd.DataFrame, Universe]:
    settings = read_settings(store=folder, **own)
    store, universe = Store.open(folder), settings.resolved_universe
    as_of = ingest(store, open_source(settings), universe, now=datetime.now(UTC), as_of=None).as_of
    validate(store, universe, as_of)
    build(store, universe, as_of)
    labels.build(store, universe, as_of)
    outcomes = store.read(LABELS_DAILY, symbols=[universe.target]).to_pandas()
    return labelled(features_at_close(store, universe.target, as_of), outcomes, date.max), universe


def _laid_out(rows: pd.DataFrame) -> tuple[list[_Fit], list[_Fit]]:
    """Return every fit of the walk-forward, its arrays laid out: the linear ones, and the trees."""
    linear: list[_Fit] = []
    trees: list[_Fit] = []
    data = narrowed(rows)
    for fold in folds(data):
        recipe, training = fold.recipe, data.iloc[fold.training_at]
        past = data[[*BASELINE_INPUTS, "variance"]].iloc[fold.known_at]
        linear += [
            partial(fit_gamma, *linear_data(recipe, training)),
            partial(fit_baselines, past),
        ]
        if fold.new_trees:
            x, log_ratio = tree_data(recipe, training)
            trees.append(partial(fit_trees, x, log_ratio, _SEED, recipe.tree_parameters))
    return linear, trees
