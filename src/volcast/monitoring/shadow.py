"""The challenger's record next to the champion's, on sessions whose outcome is known."""

from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from volcast.evaluation.losses import gain, rmse_points
from volcast.evaluation.statistics import diebold_mariano
from volcast.evaluation.table import losses
from volcast.inference.selection import official_forecasts, out_of_sample, select_official
from volcast.registry import Version, challenger_pointer, list_versions
from volcast.registry.run_files import Lineage
from volcast.registry.versions import read_version
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY, PREDICTIONS_DAILY

__all__ = ["FEWEST", "Record", "Score", "shadow_record"]

FEWEST = 252
"""Sessions, a year of them, under which no p-value is given."""


@dataclass(frozen=True)
class Score:
    """QLIKE, and RMSE in volatility points."""

    qlike: float
    rmse: float


@dataclass(frozen=True)
class Record:
    """Champion and challenger on the sessions that both forecast and whose outcome is known.

    ``gain`` is the share by which the challenger's QLIKE is under the champion's, ``p`` the
    one-sided Diebold-Mariano p-value of "the challenger is no better", from `FEWEST` rows on.
    """

    challenger: Version
    rows: int
    first: date | None = None
    last: date | None = None
    champions: Score | None = None
    challengers: Score | None = None
    gain: float | None = None
    p: float | None = None


def shadow_record(store: Store, symbol: str) -> Record | None:
    """Score a symbol's challenger next to its champion, hindsight left out; None if it has none.

    The champion's forecasts are the official ones. Refits of one recipe challenge one after the
    other, so those of the present challenger's recipe are one record, chosen by the same rule.

    Raises
    ------
    ModelError
        If a version that challenged lacks a file.
    """
    challenger = challenger_pointer(store, symbol)
    if challenger is None:
        return None
    shared = _shared(store, challenger)
    if shared.empty:
        return Record(challenger, 0)
    rv, *forecasts = shared[["rv_5d", "champion", "challenger"]].to_numpy(dtype=float).T
    theirs, ours = (losses(shared, name) for name in ("champion", "challenger"))
    return Record(
        challenger=challenger,
        rows=len(shared),
        first=shared["session"].iloc[0],
        last=shared["session"].iloc[-1],
        champions=Score(float(theirs.mean()), rmse_points(rv, forecasts[0])),
        challengers=Score(float(ours.mean()), rmse_points(rv, forecasts[1])),
        gain=gain(ours, theirs),
        p=diebold_mariano(ours, theirs) if len(shared) >= FEWEST else None,
    )


def _shared(store: Store, challenger: Version) -> pd.DataFrame:
    symbol = challenger.target
    rows = store.read(PREDICTIONS_DAILY, symbols=[symbol])
    numbers = set(rows["model_version"].to_pylist())
    recipe = _recipe(store, challenger)
    same_recipe = [
        version.version
        for version in list_versions(store)
        if version.version in numbers and _recipe(store, version) == recipe
    ]
    of_recipe = rows.filter(pc.is_in(rows["model_version"], pa.array(same_recipe, pa.string())))
    series = {
        "champion": official_forecasts(store, symbol),
        "challenger": select_official(of_recipe, {challenger.version}, role="challenger"),
    }
    labels = store.read(LABELS_DAILY, symbols=[symbol]).select(["session", "rv_5d"])
    shared: pd.DataFrame = labels.to_pandas()
    for name, forecasts in series.items():
        scored = out_of_sample(forecasts)[["session", "rv_5d_hat"]]
        shared = shared.merge(scored.rename(columns={"rv_5d_hat": name}), on="session")
    return shared.sort_values("session", ignore_index=True)


def _recipe(store: Store, version: Version) -> str:
    return Lineage.from_bytes(read_version(store, version)["lineage.json"]).recipe
