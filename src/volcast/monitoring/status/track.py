"""The track record: forecasts beside what came, published ones and those of the walk forward."""

from dataclasses import dataclass
from datetime import date
from io import BytesIO

import numpy as np
import pandas as pd

from volcast.core.errors import CorruptFile
from volcast.core.names import LABELS
from volcast.evaluation.losses import qlike_losses
from volcast.inference.selection import official_forecasts, out_of_sample
from volcast.monitoring.status.missing import Missing
from volcast.registry import champion_pointer
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY

__all__ = ["COMPARED", "Versus", "against", "by_month", "coverage", "track"]

COMPARED = {"forecast": "volcast"} | {name: LABELS[name] for name in ("har_rv", "har_x", "vix")}
"""Forecasts compared with the realized volatility, by their column in a track."""

_BOUNDS = ("lo80", "hi80", "lo95", "hi95")
_COLUMNS = ("session", "origin", "forecast", *_BOUNDS, "har_rv", "har_x", "vix")


@dataclass(frozen=True)
class Versus:
    """volcast and one other forecast, scored on the same sessions.

    Parameters
    ----------
    name : str
        Of the other.
    n : int
        Sessions that both forecast and whose outcome is known.
    qlike, other_qlike : float
        Mean QLIKE of the variance.
    rmse, other_rmse : float
        In volatility points.
    """

    name: str
    n: int
    qlike: float
    other_qlike: float
    rmse: float
    other_rmse: float

    @property
    def saved(self) -> float:
        """Share of the other's QLIKE that volcast saves; negative where it is worse."""
        return 1 - self.qlike / self.other_qlike


def track(store: Store, symbol: str, last: date | None = None) -> pd.DataFrame | Missing:
    """Return every forecast of ``symbol`` that could have been made then, with what came.

    Official forecasts without hindsight; before the first of them, the walk-forward forecasts that
    the present champion was judged by.

    Returns
    -------
    pandas.DataFrame
        session, origin (published or walk-forward), forecast, lo80, hi80, lo95, hi95, har_rv,
        har_x, vix and realized: annualised, decimal, null where unknown; one row a session, sorted.
    """
    parts = [part for part in (_walked(store, symbol), _published(store, symbol)) if len(part)]
    rows = pd.concat(parts or [pd.DataFrame(columns=list(_COLUMNS))], ignore_index=True)
    rows = rows.sort_values(["session", "origin"], kind="stable")
    # Of a session that has both, the published one is what was said of it.
    first = rows.loc[rows["origin"] == "published", "session"].min()
    rows = rows[(rows["origin"] == "published") | ~(rows["session"] >= first)]
    labels = store.read(LABELS_DAILY, symbols=[symbol]).to_pandas()
    if last is not None:
        rows = rows[rows["session"] <= last]
        labels = labels[labels["label_end_session"] <= last]
    if not len(rows):
        return Missing(
            f"There is no forecast of {symbol} to hold against what came.",
            "Train a model and publish forecasts: `make run`.",
        )
    named = labels[["session", "rv_5d"]].rename(columns={"rv_5d": "realized"})
    joined: pd.DataFrame = rows.merge(named, on="session", how="left")
    return joined.reset_index(drop=True)


def by_month(rows: pd.DataFrame, names: dict[str, str] = COMPARED) -> pd.DataFrame:
    """Score a track by calendar month of the forecast.

    Sessions without an outcome are left out, and in each month the lines that lack one of its
    sessions, so that all lines of a month are scored on the same rows.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of `track`.
    names : dict of str to str
        Columns to score, and what they are called.

    Returns
    -------
    pandas.DataFrame
        month (its first day), name, n (sessions), qlike (of variance) and rmse (volatility points).
    """
    known = rows[rows["realized"].notna()]
    months = known["session"].map(lambda day: day.replace(day=1)).rename("month")
    realized = known["realized"].to_numpy(dtype=float)
    parts = []
    for column, name in names.items():
        forecast = known[column].to_numpy(dtype=float)
        losses = pd.DataFrame(
            {
                "n": 1.0,
                "qlike": qlike_losses(realized**2, forecast**2),
                "rmse": (100 * (forecast - realized)) ** 2,
            }
        )
        by = losses.groupby(months.to_numpy())
        sums = by.sum()[by.count()["qlike"] == by.size()]
        means = sums[["qlike", "rmse"]].div(sums["n"], axis=0)
        scored = means.assign(rmse=np.sqrt(means["rmse"]), n=sums["n"].astype(int), name=name)
        parts.append(scored.rename_axis("month").reset_index())
    return pd.concat(parts, ignore_index=True)[["month", "name", "n", "qlike", "rmse"]]


def against(rows: pd.DataFrame, names: dict[str, str] = COMPARED) -> list[Versus]:
    """Score volcast against each other forecast, on the sessions that both have.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of `track`.
    names : dict of str to str
        Columns to score, and what they are called; one that is null throughout is left out.
    """
    found = []
    for column in (name for name in names if name != "forecast"):
        known = rows.dropna(subset=["realized", "forecast", column])
        if len(known):
            realized = known["realized"].to_numpy(dtype=float)
            scores = [
                (
                    float(qlike_losses(realized**2, forecast**2).mean()),
                    float(100 * np.sqrt(((forecast - realized) ** 2).mean())),
                )
                for forecast in known[["forecast", column]].to_numpy(dtype=float).T
            ]
            (qlike, rmse), (other_qlike, other_rmse) = scores
            found.append(Versus(names[column], len(known), qlike, other_qlike, rmse, other_rmse))
    return found


def coverage(rows: pd.DataFrame) -> dict[int, float] | None:
    """Return which share of outcomes the 80 and the 95 % intervals held; None if none is known."""
    known = rows.dropna(subset=["realized", *_BOUNDS])
    if not len(known):
        return None
    return {
        level: float(known["realized"].between(known[f"lo{level}"], known[f"hi{level}"]).mean())
        for level in (80, 95)
    }


def _published(store: Store, symbol: str) -> pd.DataFrame:
    rows = out_of_sample(official_forecasts(store, symbol)).rename(
        columns=lambda name: name.removeprefix("baseline_")
    )
    return rows.rename(columns={"rv_5d_hat": "forecast"}).assign(origin="published")[list(_COLUMNS)]


def _walked(store: Store, symbol: str) -> pd.DataFrame:
    champion = champion_pointer(store)
    key = f"runs/{champion.run_id}/evaluation.parquet" if champion else None
    found = store.objects.get_or_none(key) if key else None
    if found is None:
        return pd.DataFrame(columns=list(_COLUMNS))
    try:
        rows = pd.read_parquet(BytesIO(found.data))
        # The first years, that nothing could be trained on yet, have no forecast.
        own = rows[(rows["symbol"] == symbol) & rows["forecast"].notna()]
        return own.assign(origin="walk-forward").reindex(columns=list(_COLUMNS))
    except (OSError, ValueError, KeyError) as error:
        raise CorruptFile(
            found=f"a file that cannot be read ({error})", expected="an evaluation",
            where=f"{store.uri}/{key}", remedy="Train again: `volcast train` rewrites it.",
        ) from error  # fmt: skip
