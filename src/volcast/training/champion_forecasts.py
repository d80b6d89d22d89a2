"""The walk-forward forecasts that the gate compares: the candidate's and the champion's."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from volcast.core.errors import ContractError, CorruptFile, KeyMissing, ModelError, NotFound
from volcast.core.hashing import code_version, digest, frame_digest
from volcast.evaluation.rows import evaluation_bytes, evaluation_frame
from volcast.evaluation.walkforward import walk_forward
from volcast.features.catalog import names
from volcast.features.point_in_time import labelled, labels_of
from volcast.models.recipe import RECIPES, Recipe
from volcast.registry.run_files import Lineage
from volcast.registry.versions import Version, read_version
from volcast.store import Store

__all__ = ["ROW", "FeatureReader", "champion_forecasts", "run_forecasts"]

FeatureReader = Callable[[str, date], pd.DataFrame]
"""Takes a symbol and a session; returns the features up to then that training reads."""

ROW = ["symbol", "session"]
_COLUMNS = (*ROW, "rv_5d", "forecast", "log_har", "har_x", "vix")


class _Inexpressible(Exception):
    """Present code cannot walk that recipe forward on those rows; carries the reason."""


def run_forecasts(store: Store, run_id: str) -> tuple[pd.DataFrame, float]:
    """Return a run's forecasts with known outcome, in order of time, and the share of gaps.

    A gap is a session since the first forecast that has an outcome and no forecast: a recipe must
    not win by leaving out the hard days.

    Raises
    ------
    ModelError
        If the run has no evaluation.
    CorruptFile, ContractError
        If it cannot be read or lacks a column.
    """
    return _forecasts(_read(store, f"runs/{run_id}/evaluation.parquet"))


def champion_forecasts(
    store: Store, run_id: str, lineage: Lineage, champion: Version, read_features: FeatureReader
) -> tuple[pd.DataFrame, str]:
    """Return the forecasts to beat: the champion's recipe on the rows of a candidate's run.

    They are stored with the run under the recipe's hash, so that evaluating again costs nothing.
    Where the recipe cannot be walked, they are those that the champion's own run stored, which
    end where its data ended.

    Returns
    -------
    tuple of pandas.DataFrame and str
        Rows with forecast and outcome, and their origin: a sentence for the decision's reasons.

    Raises
    ------
    ModelError
        If the champion, or the run, lacks a file.
    """
    files = read_version(store, champion)
    stored = Lineage.from_bytes(files["lineage.json"], f"{champion.uri}lineage.json").recipes
    try:
        recipes = _recipes(stored)
        key = f"runs/{run_id}/champion-{digest(stored)[:8]}.parquet"
        if store.objects.get_or_none(key) is None:
            rows = _training_rows(store, lineage, read_features)
            walked = walk_forward(rows, lineage.seed, recipes=recipes).rows
            store.objects.put(key, evaluation_bytes(walked))
    except _Inexpressible as reason:
        theirs, _ = run_forecasts(store, champion.run_id)
        return theirs, f"Judged on the champion's stored evaluation: {reason}."
    theirs, _ = _forecasts(_read(store, key))
    return theirs, f"The recipe of version {champion.version} was walked forward on the same rows."


def _recipes(stored: Any) -> Mapping[str, Recipe]:
    if not stored:
        raise _Inexpressible("its lineage holds no recipe")
    try:
        recipes = {name: Recipe.of(recipe) for name, recipe in stored.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _Inexpressible(f"its recipe has another format ({error!r})") from error
    if set(recipes) != set(RECIPES):
        raise _Inexpressible(f"its choice is among {sorted(recipes)}, not {sorted(RECIPES)}")
    used = {feature for recipe in recipes.values() for feature in recipe.signature}
    if gone := sorted(used - set(names())):
        raise _Inexpressible(f"its recipe uses {', '.join(gone)}, which is no longer a feature")
    return recipes


def _training_rows(store: Store, lineage: Lineage, read_features: FeatureReader) -> pd.DataFrame:
    """Return the rows that the run was trained on, if they and the code are still the same."""
    if lineage.code_version != code_version():
        raise _Inexpressible("the candidate was trained by other code than this")
    try:
        features = read_features(lineage.target, lineage.as_of)
    except NotFound as error:
        raise _Inexpressible("the candidate's rows are no longer in the store") from error
    rows = labelled(features, labels_of(store, lineage.target), lineage.as_of)
    if frame_digest(rows) != lineage.data_sha256:
        raise _Inexpressible("the candidate's rows are no longer those in the store")
    return rows


def _forecasts(rows: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    rows = rows[rows["rv_5d"] > 0].sort_values(ROW, ignore_index=True)
    forecast = rows["forecast"].gt(0) & np.isfinite(rows["forecast"])
    since_first = forecast[forecast.cummax()]
    gaps = float(1 - since_first.mean()) if len(since_first) else 0.0
    return rows[forecast], gaps


def _read(store: Store, key: str) -> pd.DataFrame:
    try:
        rows = evaluation_frame(store.objects.get(key))
    except KeyMissing as error:
        raise ModelError(
            found="no such file", expected="the walk-forward forecasts of the run", where=key,
            remedy="Train it again: `volcast train`.",
        ) from error  # fmt: skip
    except (pa.ArrowInvalid, OSError) as error:
        raise CorruptFile(
            found=str(error), expected="a Parquet file", where=key, remedy="Train the run again."
        ) from error
    if missing := sorted(set(_COLUMNS) - set(rows.columns)):
        raise ContractError(
            found=f"missing columns {missing}", expected=f"at least {list(_COLUMNS)}", where=key,
            remedy="Train the run again with this version of volcast.",
        )  # fmt: skip
    return rows
