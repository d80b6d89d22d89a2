"""The challenger's record: its published forecasts against the champion's, on the same sessions."""

import json
from dataclasses import dataclass
from datetime import date

import pandas as pd

from volcast.evaluation.losses import qlike_losses, rmse_points
from volcast.features.point_in_time import newest_versions, without_hindsight
from volcast.registry import Version, challenger_pointer, list_versions
from volcast.registry.versions import read_version
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY, PREDICTIONS_DAILY
from volcast.training.gate.decision import gain, p_lower

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

    Parameters
    ----------
    challenger : Version
    rows : int
    first, last : date
        Sessions; None where there is no row, as are the scores.
    champions, challengers : Score
    gain : float
        Share by which the challenger's QLIKE is under the champion's.
    p : float or None
        One-sided Diebold-Mariano p-value of "the challenger is no better"; None under `FEWEST`
        rows.
    """

    challenger: Version
    rows: int
    first: date | None = None
    last: date | None = None
    champions: Score | None = None
    challengers: Score | None = None
    gain: float | None = None
    p: float | None = None


def shadow_record(store: Store) -> Record | None:
    """Score the challenger beside the champion; None if there is no challenger.

    The champion's forecast of a session is that of the version that was champion. Refits of one
    recipe challenge one after the other, so those of the present challenger's recipe are one
    record. Of several versions on a session the newest counts, hindsight left out: a forecast
    of a session before its version's newest training session.

    Raises
    ------
    ModelError
        If a version that challenged lacks a file.
    """
    challenger = challenger_pointer(store)
    if challenger is None:
        return None
    shared = _shared(store, challenger)
    if not len(shared):
        return Record(challenger, 0)
    variance = shared["rv_5d"].to_numpy(dtype=float) ** 2
    names = ("champion", "challenger")
    champions, ours = (qlike_losses(variance, shared[n].to_numpy(float) ** 2) for n in names)
    scores = [
        Score(float(losses.mean()), rmse_points(shared["rv_5d"].to_numpy(), shared[n].to_numpy()))
        for n, losses in zip(names, (champions, ours), strict=True)
    ]
    return Record(
        challenger=challenger,
        rows=len(shared),
        first=shared["session"].iloc[0],
        last=shared["session"].iloc[-1],
        champions=scores[0],
        challengers=scores[1],
        gain=gain(ours, champions),
        p=p_lower(ours, champions) if len(shared) >= FEWEST else None,
    )


def _shared(store: Store, challenger: Version) -> pd.DataFrame:
    columns = ["session", "model_version", "role", "rv_5d_hat", "model_as_of"]
    rows = store.read(PREDICTIONS_DAILY, symbols=[challenger.target]).select(columns).to_pandas()
    rows = without_hindsight(rows)
    beside = rows[rows["role"] == "challenger"]
    alike = _of_the_same_recipe(store, challenger, set(beside["model_version"]))
    series = {
        "champion": rows[rows["role"] == "champion"],
        "challenger": beside[beside["model_version"].isin(alike)],
    }
    shared = (
        store.read(LABELS_DAILY, symbols=[challenger.target])
        .select(["session", "rv_5d"])
        .to_pandas()
    )
    for name, part in series.items():
        newest = newest_versions(part)[["session", "rv_5d_hat"]]
        shared = shared.merge(newest.rename(columns={"rv_5d_hat": name}), on="session")
    ordered: pd.DataFrame = shared.sort_values("session", ignore_index=True)
    return ordered


def _of_the_same_recipe(store: Store, challenger: Version, numbers: set[str]) -> set[str]:
    recipe = _recipe(store, challenger)
    found = [v for v in list_versions(store) if v.version in numbers]
    return {v.version for v in found if _recipe(store, v) == recipe}


def _recipe(store: Store, version: Version) -> object:
    return json.loads(read_version(store, version)["lineage.json"])["recipe"]
