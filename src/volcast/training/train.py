"""Train a candidate: judge its recipe by walk-forward, then fit it on all that is known."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.core.hashing import code_version, digest, frame_digest
from volcast.core.settings import Universe
from volcast.evaluation.findings import Findings
from volcast.evaluation.folds import training_rows, usable
from volcast.evaluation.report import render
from volcast.evaluation.rows import PERIODS, evaluation_bytes, scored, with_all_baselines
from volcast.evaluation.table import compare
from volcast.evaluation.walkforward import Progress, WalkForward, walk_forward
from volcast.features.point_in_time import known_rows, labelled, labels_of
from volcast.models.baselines import fit_baselines
from volcast.models.blend import fit_blend
from volcast.models.forecaster import Forecaster
from volcast.models.recipe import RECIPES, choose
from volcast.registry.run_files import Lineage, Metrics
from volcast.store import Store

__all__ = ["Candidate", "train"]

_GOLDEN_ROWS = 32
_COMPLETE = "complete.json"


@dataclass(frozen=True)
class Candidate:
    """A trained candidate, in the store under ``runs/<run_id>/``.

    Parameters
    ----------
    run_id : str
        Hash of inputs, code version and configuration.
    metrics : Metrics
    reused : bool
        Whether the same run was already there, whole.
    """

    run_id: str
    metrics: Metrics
    reused: bool

    @property
    def folder(self) -> str:
        """Key prefix of the run's files."""
        return f"runs/{self.run_id}/"


def train(
    store: Store, universe: Universe, as_of: date, read: Callable[[], pd.DataFrame], *,
    seed: int = 7, progress: Progress | None = None,
) -> Candidate:  # fmt: skip
    """Train on what was known at the close of ``as_of``; a run that exists whole is re-used.

    Parameters
    ----------
    store : Store
        Holds the labels, and receives the run.
    universe : Universe
        Its target is the symbol of ``frame``.
    as_of : date
        Session.
    read : callable
        Returns the features of the target as known then, one row a session up to ``as_of``, from
        the feature store; asked only where the run is not there yet.
    seed : int
        Of the trees.
    progress : callable or None
        Called with the count of walk-forward fits done, and of all.

    Raises
    ------
    ContractError
        If there are too few rows to walk forward and calibrate intervals, or the feature store
        answers otherwise than the tables it reads.
    """
    rows = known_rows(store, universe.target, as_of)
    # The choice between implied and range anchor is part of what a candidate is judged as; other
    # features or other trees are another recipe.
    recipes = {name: recipe.as_dict() for name, recipe in RECIPES.items()}
    inputs = (frame_digest(rows), code_version(), universe.model_dump(), str(as_of), seed, recipes)
    run_id = digest(*inputs)[:16]
    done = store.objects.get_or_none(f"runs/{run_id}/{_COMPLETE}")
    if done is not None:
        return Candidate(run_id, Metrics.from_bytes(done.data), reused=True)
    _refuse_another(labelled(read(), labels_of(store, universe.target), as_of), rows)
    walked = walk_forward(rows, seed, progress, RECIPES)
    forecaster = _fit_final(rows, as_of, walked, seed)
    found = Findings(
        universe.target, rows["session"].iloc[0], as_of, walked.rows, rows, walked.blend
    ).with_garch(store)
    metrics = _metrics(found, walked.recipe.name)
    lineage = Lineage(
        run_id=run_id,
        recipe=f"blend {digest(recipes)[:8]}",
        recipes=recipes,
        anchor=forecaster.recipe.name,
        as_of=as_of,
        universe=universe.model_dump(),
        data_sha256=frame_digest(rows),
        columns=tuple(rows.columns),
        rows=len(rows),
        code_version=code_version(),
        seed=seed,
    )
    facts = {"metrics.json": metrics.to_bytes(), "lineage.json": lineage.to_bytes()}
    files = {f"model/{name}": data for name, data in (forecaster.files() | facts).items()} | facts
    files["evaluation.parquet"] = evaluation_bytes(found.rows)
    files["report.html"] = render(found.with_regime_skill()).encode()
    for name, data in sorted(files.items()):
        store.objects.put(f"runs/{run_id}/{name}", data)
    # Last: a run without it was cut short, and is made again.
    store.objects.put(f"runs/{run_id}/{_COMPLETE}", metrics.to_bytes())
    return Candidate(run_id, metrics, reused=False)


def _refuse_another(served: pd.DataFrame, stored: pd.DataFrame) -> None:
    """Raise if the feature store served other rows than the tables hold."""
    if frame_digest(served) != frame_digest(stored):
        raise ContractError(
            found=f"{len(served)} rows that differ from the {len(stored)} stored",
            expected="the same rows from both", where="feature store against features_daily",
            remedy="Remove the store's feast folder, so that the registry is built anew.",
        )  # fmt: skip


def _fit_final(rows: pd.DataFrame, as_of: date, walked: WalkForward, seed: int) -> Forecaster:
    known = training_rows(rows, calendar.after(as_of, 1))
    recipe = choose(known, RECIPES)
    ready = usable(known, recipe)
    offsets = walked.calibration.offsets()
    if offsets is None:
        raise ContractError(
            found=f"{len(walked.calibration.residuals)} walk-forward forecasts with an outcome",
            expected="at least 252, to calibrate intervals", where=f"training as of {as_of}",
            remedy="Ingest a longer history of the target.",
        )  # fmt: skip
    forecaster = Forecaster(
        fit_blend(recipe, ready, seed), fit_baselines(known), offsets, golden={}
    )
    # Spread over the history, so that every part of the trees is asked.
    spread = np.linspace(0, len(ready) - 1, _GOLDEN_ROWS).round().astype(int)
    x = ready.iloc[spread][list(forecaster.signature)].to_numpy(dtype=float)
    return forecaster.with_golden(x)


def _metrics(result: Findings, recipe: str) -> Metrics:
    common = with_all_baselines(result.rows)
    skill = compare(result.rows)
    inside = {
        name: scored(result.rows)["session"].between(*span).any() for name, span in PERIODS.items()
    }
    return Metrics(
        all=skill,
        recipe=recipe,
        all_baselines=compare(common) if skill.left_out and len(scored(common)) else None,
        periods={name: compare(result.rows, *PERIODS[name]) for name in PERIODS if inside[name]},
        diagnostics=result.diagnostics,
    )
