"""The challenger: which refused run becomes one, and its record next to the champion's."""

from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from volcast import registry
from volcast.evaluation.losses import gain, qlike_losses, rmse_points
from volcast.evaluation.statistics import diebold_mariano
from volcast.features.point_in_time import newest_versions, out_of_sample
from volcast.registry import Version, challenger_pointer, list_versions
from volcast.registry.run_files import Lineage
from volcast.registry.versions import read_version
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY, PREDICTIONS_DAILY
from volcast.training.gate import decision_on

__all__ = ["FEWEST", "Record", "Score", "shadow_record", "take_as_challenger"]

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


def take_as_challenger(store: Store, run_id: str, *, who: str, when: datetime) -> Version | None:
    """Register a refused run and make it the challenger, if the gate's decision is "unproven".

    Parameters
    ----------
    store : Store
    run_id : str
        Its recorded decision is read, and made only if there is none.
    who : str
        For the audit trail.
    when : datetime
        Timezone-aware.

    Returns
    -------
    Version or None
        The challenger, or None if the run was refused for another reason.
    """
    if not decision_on(store, run_id).unproven:
        return None
    version = registry.register(store, run_id)
    why = f"run {run_id[:12]} was not shown to be better"
    return registry.challenge(store, version.version, who=who, why=why, when=when)


def shadow_record(store: Store) -> Record | None:
    """Score the challenger next to the champion; None if there is no challenger.

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
    if shared.empty:
        return Record(challenger, 0)
    rv = shared["rv_5d"].to_numpy(dtype=float)
    forecasts = [shared[name].to_numpy(dtype=float) for name in ("champion", "challenger")]
    champions, ours = (qlike_losses(rv**2, forecast**2) for forecast in forecasts)
    return Record(
        challenger=challenger,
        rows=len(shared),
        first=shared["session"].iloc[0],
        last=shared["session"].iloc[-1],
        champions=Score(float(champions.mean()), rmse_points(rv, forecasts[0])),
        challengers=Score(float(ours.mean()), rmse_points(rv, forecasts[1])),
        gain=gain(ours, champions),
        p=diebold_mariano(ours, champions) if len(shared) >= FEWEST else None,
    )


def _shared(store: Store, challenger: Version) -> pd.DataFrame:
    columns = ["session", "model_version", "role", "rv_5d_hat", "model_as_of"]
    table = store.read(PREDICTIONS_DAILY, symbols=[challenger.target]).select(columns)
    rows = out_of_sample(table.to_pandas())
    challenging = rows[rows["role"] == "challenger"]
    same_recipe = _versions_of_recipe(store, challenger, set(challenging["model_version"]))
    series = {
        "champion": rows[rows["role"] == "champion"],
        "challenger": challenging[challenging["model_version"].isin(same_recipe)],
    }
    labels = store.read(LABELS_DAILY, symbols=[challenger.target]).select(["session", "rv_5d"])
    shared = labels.to_pandas()
    for name, part in series.items():
        newest = newest_versions(part)[["session", "rv_5d_hat"]]
        shared = shared.merge(newest.rename(columns={"rv_5d_hat": name}), on="session")
    ordered: pd.DataFrame = shared.sort_values("session", ignore_index=True)
    return ordered


def _versions_of_recipe(store: Store, challenger: Version, numbers: set[str]) -> set[str]:
    recipe = _recipe(store, challenger)
    versions = [version for version in list_versions(store) if version.version in numbers]
    return {version.version for version in versions if _recipe(store, version) == recipe}


def _recipe(store: Store, version: Version) -> str:
    return Lineage.from_bytes(read_version(store, version)["lineage.json"]).recipe
