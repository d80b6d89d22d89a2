"""Histories: forecasts with what came of them, and prices with the regime of their market."""

from dataclasses import dataclass
from datetime import date
from io import BytesIO

import numpy as np
import pandas as pd

from volcast.core.errors import CorruptFile
from volcast.core.names import EVALUATION_BASELINES, LABELS
from volcast.evaluation.losses import qlike_losses
from volcast.evaluation.table import Skill, compare
from volcast.features.catalog import STATE_FEATURES
from volcast.features.point_in_time import features_at_close
from volcast.inference.selection import official_forecasts, out_of_sample
from volcast.monitoring.status.words import Missing
from volcast.registry import champion_pointer
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, LABELS_DAILY

__all__ = ["Versus", "against", "by_month", "coverage", "ribbon", "track"]

_BASELINES = ("har_rv", "har_x", "vix")
_SCORED = ("har_rv", "log_har", "har_x", "vix")
_BOUNDS = ("lo80", "hi80", "lo95", "hi95")
_COLUMNS = ["session", "origin", "forecast", *_BOUNDS, *_SCORED]


@dataclass(frozen=True)
class Versus:
    """volcast and one baseline, scored on the ``n`` sessions that both have.

    ``skill`` is the baseline's line of a table of skill; ``qlike`` and ``rmse`` are volcast's.
    """

    n: int
    qlike: float
    rmse: float
    skill: Skill


def track(store: Store, symbol: str, last: date | None = None) -> pd.DataFrame | Missing:
    """Return every forecast of ``symbol`` that could have been made then, with what came.

    Official forecasts without hindsight; before the first of them, the walk-forward forecasts that
    the present champion was judged by.

    Returns
    -------
    pandas.DataFrame
        session, origin (published or walk-forward), forecast, lo80, hi80, lo95, hi95, har_rv,
        log_har, har_x, vix and realized: annualised, decimal, null where unknown; one row a
        session, sorted.
    """
    published = _published(store, symbol)
    walked = _walk_forward(store, symbol)
    if len(published):
        walked = walked[walked["session"] < published["session"].min()]
    parts = [part for part in (walked, published) if len(part)]
    rows = pd.concat(parts or [published], ignore_index=True)
    labels = store.read(LABELS_DAILY, symbols=[symbol]).to_pandas()
    if last is not None:
        rows = rows[rows["session"] <= last]
        labels = labels[labels["label_end_session"] <= last]
    if not len(rows):
        return Missing(
            f"There is no forecast of {symbol} to compare with an outcome.",
            "Train a model and publish forecasts: `make run`.",
        )
    outcomes = labels[["session", "rv_5d"]].rename(columns={"rv_5d": "realized"})
    return rows.sort_values("session").merge(outcomes, on="session", how="left")


def _published(store: Store, symbol: str) -> pd.DataFrame:
    rows = out_of_sample(official_forecasts(store, symbol)).rename(
        columns=lambda name: name.removeprefix("baseline_")
    )
    return rows.rename(columns={"rv_5d_hat": "forecast"}).assign(origin="published")[_COLUMNS]


def _walk_forward(store: Store, symbol: str) -> pd.DataFrame:
    champion = champion_pointer(store, symbol)
    key = f"runs/{champion.run_id}/evaluation.parquet" if champion else ""
    evaluation = store.objects.get_or_none(key) if key else None
    if evaluation is None:
        return pd.DataFrame(columns=_COLUMNS)
    try:
        rows = pd.read_parquet(BytesIO(evaluation.data))
        # The first years, that nothing could be trained on yet, have no forecast.
        own = rows[(rows["symbol"] == symbol) & rows["forecast"].notna()]
        return own.assign(origin="walk-forward").reindex(columns=_COLUMNS)
    except (OSError, ValueError, KeyError) as error:
        raise CorruptFile(
            found=f"a file that cannot be read ({error})", expected="an evaluation",
            where=f"{store.uri}/{key}", remedy="Train again: `volcast train` rewrites it.",
        ) from error  # fmt: skip


def by_month(rows: pd.DataFrame) -> pd.DataFrame:
    """Score a `track` by calendar month of the forecast.

    Sessions without an outcome are left out, and in each month the forecasts that lack one of its
    sessions, so that all of a month are scored on the same rows.

    Returns
    -------
    pandas.DataFrame
        month (its first day), name, n (sessions), qlike (of variance) and rmse (volatility points).
    """
    ended = rows[rows["realized"].notna()]
    month = ended["session"].map(lambda day: day.replace(day=1))
    columns = ["forecast", *_BASELINES]
    scored = ended.assign(month=month).melt(["month", "realized"], columns, "name", "forecast_")
    realized, forecast = (scored[name].to_numpy(dtype=float) for name in ("realized", "forecast_"))
    scored["qlike"] = qlike_losses(realized**2, forecast**2)
    scored["rmse"] = (100 * (forecast - realized)) ** 2
    months = scored.groupby(["name", "month"], sort=False)[["qlike", "rmse"]]
    complete = months.mean()[months.count()["qlike"] == months.size()]
    result = complete.assign(n=months.size(), rmse=np.sqrt(complete["rmse"])).reset_index()
    result["name"] = result["name"].map({"forecast": LABELS["volcast"]} | LABELS)
    return result[["month", "name", "n", "qlike", "rmse"]]


def against(rows: pd.DataFrame) -> list[Versus]:
    """Score volcast in a `track` against each baseline, on the sessions that both have."""
    scores = []
    for baseline in _SCORED:
        shared = rows.dropna(subset=["realized", "forecast", baseline])
        if len(shared):
            named = shared.rename(columns={"realized": "rv_5d"}).assign(symbol="")
            columns = dict.fromkeys([*named.columns, *EVALUATION_BASELINES])
            lines = compare(named.reindex(columns=list(columns)))
            ours = lines.line("volcast")
            scores.append(Versus(len(shared), ours.qlike, ours.rmse, lines.line(baseline)))
    return scores


def coverage(rows: pd.DataFrame) -> dict[int, float] | None:
    """Return the share of outcomes inside the 80 and the 95 % intervals; None if none is known."""
    ended = rows.dropna(subset=["realized", *_BOUNDS])
    if not len(ended):
        return None
    return {
        level: float(ended["realized"].between(ended[f"lo{level}"], ended[f"hi{level}"]).mean())
        for level in (80, 95)
    }


def ribbon(store: Store, symbol: str, last: date | None = None) -> pd.DataFrame | Missing:
    """Return each session's close with its regime as its own close could know it.

    Returns
    -------
    pandas.DataFrame
        session, close (price), regime (calm, normal or stressed; null before the first fit) and
        hmm_calm, hmm_normal, hmm_stressed (probabilities); one row a session, sorted.
    """
    prices: pd.DataFrame = store.read(CURATED_MARKET_DAILY, symbols=[symbol], last=last).to_pandas()
    if not len(prices):
        return Missing(
            f"There is no validated price of {symbol}.", "Fetch and validate: `volcast ingest`."
        )
    states = list(STATE_FEATURES)
    features = features_at_close(store, symbol, prices["session"].iloc[-1])
    rows = prices[["session", "close"]].merge(
        features[["session", *states]], on="session", how="left"
    )
    rows["regime"] = None
    fitted = rows[states].dropna().astype(float)
    if len(fitted):
        rows.loc[fitted.index, "regime"] = fitted.idxmax(axis=1).map(STATE_FEATURES)
    return rows
