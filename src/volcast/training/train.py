"""Train a candidate: evaluate its recipe by walk-forward, then fit it on all known rows."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.core.hashing import FEATURE_CODE, code_version, digest, frame_digest
from volcast.core.settings import Universe
from volcast.evaluation.evaluate import EvaluationResult
from volcast.evaluation.folds import LONGER_HISTORY, training_rows, usable
from volcast.evaluation.report import render
from volcast.evaluation.rows import evaluation_bytes
from volcast.evaluation.splits import by_period, overall
from volcast.evaluation.walkforward import Progress, WalkForward, walk_forward
from volcast.features.point_in_time import labelled, labels_of
from volcast.models.baselines import fit_baselines
from volcast.models.blend import fit_blend
from volcast.models.forecaster import Forecaster
from volcast.models.recipe import RECIPES, choose
from volcast.registry.run_files import Lineage, Metrics
from volcast.store import Store

__all__ = ["Candidate", "fit_final", "train"]

_GOLDEN_ROWS = 32
_COMPLETE = "complete.json"


@dataclass(frozen=True)
class Candidate:
    """A trained candidate, in the store under ``runs/<run_id>/``; its id is a hash of its inputs.

    ``reused`` if a complete run of the same inputs was there already.
    """

    run_id: str
    metrics: Metrics
    reused: bool

    @property
    def folder(self) -> str:
        """Key prefix of the run's files."""
        return f"runs/{self.run_id}/"


def train(
    store: Store, universe: Universe, as_of: date, features: pd.DataFrame, *,
    seed: int = 7, progress: Progress | None = None,
) -> Candidate:  # fmt: skip
    """Train on these features and the labels known at ``as_of``; a complete run is reused.

    Parameters
    ----------
    store : Store
        Holds the labels, and receives the run.
    universe : Universe
        Its target is the symbol of ``features``.
    as_of : date
        Session.
    features : pandas.DataFrame
        symbol, session and the features of the target, one row a session, each as known at its
        close: what the feature store returns. Nothing else is trained on or walked forward.
    seed : int
        Of the trees.
    progress : Progress or None
        Called with what is done, and of all.

    Raises
    ------
    ContractError
        If there are too few rows to walk forward and calibrate intervals.
    """
    rows = labelled(features, labels_of(store, universe.target), as_of)
    lineage = _lineage(rows, universe, as_of, seed)
    complete = store.objects.get_or_none(f"runs/{lineage.run_id}/{_COMPLETE}")
    if complete is not None:
        return Candidate(lineage.run_id, Metrics.from_bytes(complete.data), reused=True)
    walked = walk_forward(rows, seed, progress, recipes=RECIPES)
    forecaster = fit_final(rows, as_of, walked, seed)
    iv = universe.iv if rows["iv"].notna().any() else ""
    result = EvaluationResult(
        universe.target, rows["session"].iloc[0], as_of, walked.rows, rows, walked.blend, iv
    )
    # Last, for a copy of the result would compute its diagnostics again.
    result = result.with_garch(store, progress).with_regime_skill(progress)
    if progress:
        progress("confidence set", 0, 1)
    metrics = _metrics(result, walked.recipe.name)
    page = render(result, progress)
    lineage = replace(lineage, anchor=forecaster.recipe.name)
    _write_run(store, lineage, forecaster, result, metrics, page)
    return Candidate(lineage.run_id, metrics, reused=False)


def _lineage(rows: pd.DataFrame, universe: Universe, as_of: date, seed: int) -> Lineage:
    """Return what the run is made of, and its id; the anchor is chosen by the final fit."""
    # The choice between implied and range anchor is part of what a candidate is evaluated as;
    # other features or other trees are another recipe.
    recipes = {name: recipe.as_dict() for name, recipe in RECIPES.items()}
    data, code = frame_digest(rows), code_version()
    inputs = (data, code, universe.model_dump(), str(as_of), seed, recipes)
    return Lineage(
        run_id=digest(*inputs)[:16],
        recipe=f"blend {digest(recipes)[:8]}",
        recipes=recipes,
        anchor="",
        as_of=as_of,
        universe=universe.model_dump(),
        data_sha256=data,
        columns=tuple(rows.columns),
        rows=len(rows),
        code_version=code,
        features_code=code_version(FEATURE_CODE, ()),
        seed=seed,
    )


def _write_run(
    store: Store, lineage: Lineage, forecaster: Forecaster, result: EvaluationResult,
    metrics: Metrics, page: str,
) -> None:  # fmt: skip
    facts = {"metrics.json": metrics.to_bytes(), "lineage.json": lineage.to_bytes()}
    files = {f"model/{name}": data for name, data in (forecaster.files() | facts).items()} | facts
    files["evaluation.parquet"] = evaluation_bytes(result.rows)
    files["report.html"] = page.encode()
    folder = f"runs/{lineage.run_id}"
    for name, data in sorted(files.items()):
        store.objects.put(f"{folder}/{name}", data)
    # Last: a run without it was cut short, and is trained again.
    store.objects.put(f"{folder}/{_COMPLETE}", metrics.to_bytes())


def fit_final(rows: pd.DataFrame, as_of: date, walked: WalkForward, seed: int) -> Forecaster:
    """Fit the recipe chosen at ``as_of`` on all known rows, with the walk-forward's intervals."""
    past = training_rows(rows, calendar.after(as_of, 1))
    recipe = choose(past, RECIPES)
    ready = usable(past, recipe)
    offsets = walked.calibration.offsets()
    if offsets is None:
        raise ContractError(
            found=f"{len(walked.calibration.residuals)} walk-forward forecasts with an outcome",
            expected="at least 252, to calibrate intervals", where=f"training as of {as_of}",
            remedy=LONGER_HISTORY,
        )  # fmt: skip
    forecaster = Forecaster(fit_blend(recipe, ready, seed), fit_baselines(past), offsets, golden={})
    # Spread over the history, so that every part of the trees is covered.
    spread = np.linspace(0, len(ready) - 1, _GOLDEN_ROWS).round().astype(int)
    x = ready.iloc[spread][list(forecaster.signature)].to_numpy(dtype=float)
    return forecaster.with_golden(x)


def _metrics(result: EvaluationResult, recipe: str) -> Metrics:
    return Metrics(
        **overall(result.rows),
        recipe=recipe,
        periods=by_period(result.rows),
        diagnostics=result.diagnostics,
    )
