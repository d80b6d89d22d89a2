"""The newest forecast, its change since the session before, and what drove it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, expm1
from typing import Any

import pandas as pd

from volcast.core import calendar
from volcast.features.catalog import label
from volcast.features.events import describe
from volcast.inference.selection import (
    is_hindsight,
    numbers_in_service,
    official_forecasts,
    select_official,
)
from volcast.monitoring.status.registry import first_step
from volcast.monitoring.status.words import Missing, days, percent, points, shown_points
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY

__all__ = ["Driver", "Outlook", "drivers", "forecasts_before", "outlook", "percentile"]

_YEAR, _FEW = 252, 60
"""Sessions of a year, and how many forecasts a rank needs."""


@dataclass(frozen=True)
class Outlook:
    """The official forecast of a session, and that of the session before, if there is one.

    Both are rows of predictions_daily.
    """

    row: Mapping[str, Any]
    before: Mapping[str, Any] | None

    @property
    def change(self) -> float | None:
        """Change of the forecast since the session before, in decimals, as `percent` shows both.

        None where there is none before, or where one of the two is hindsight.
        """
        if self.before is None or is_hindsight(self.before) != self.hindsight:
            return None
        return shown_points(self.row["rv_5d_hat"], self.before["rv_5d_hat"]) / 100

    @property
    def hindsight(self) -> bool:
        """Whether the version was trained on later sessions, or does not record on which."""
        return is_hindsight(self.row)

    @property
    def headline(self) -> str:
        """The forecast in one line: ``SPY, next five sessions (3-7 Jan 2022): 13.1 % ...``."""
        row = self.row
        since = "" if self.change is None else f" ({points(self.change)} from yesterday)"
        regime = "" if row["regime"] is None else f"; {row['regime']}"
        return (
            f"{row['symbol']}, next five sessions ({days(row['target_from'], row['target_to'])}): "
            f"{percent(row['rv_5d_hat'])}{since}, 80 % between {100 * row['lo80']:.1f} and "
            f"{100 * row['hi80']:.1f}{regime}"
        )


@dataclass(frozen=True)
class Driver:
    """One part of the log variance that was forecast, with the feature's value in its unit.

    ``feature`` is base, others or total for the parts that are none; the contribution of the total
    is the sum of all. ``share`` is the part of the forecast of volatility that it makes up: shares
    add up to 1, that of the total.
    """

    feature: str
    words: str
    value: float | None
    contribution: float
    share: float


def outlook(store: Store, symbol: str, as_of: date | None = None) -> Outlook | Missing:
    """Return the official forecast of ``as_of``, or of the newest session that has one."""
    if as_of is None:
        newest = store.read_newest(PREDICTIONS_DAILY, symbols=[symbol])
        rows = select_official(newest, numbers_in_service(store, [symbol]))
    else:
        rows = official_forecasts(store, symbol, first=date(as_of.year - 1, 1, 1), last=as_of)
    by_session = {row["session"]: row for row in rows.to_pylist()}
    session = max(by_session, default=None) if as_of is None else as_of
    if session is None or session not in by_session:
        when = "yet" if as_of is None else f"for {as_of}"
        what = f"No forecast of {symbol} has been published {when}."
        newest = store.read_newest(PREDICTIONS_DAILY, symbols=[symbol]).column("session")
        if as_of is not None and any(day > as_of for day in newest.to_pylist()):
            return Missing(what, "`volcast backfill` publishes past sessions.")
        return Missing(what, first_step(store, symbol, "Run `make run`, or `volcast infer`."))
    return Outlook(by_session[session], by_session.get(calendar.after(session, -1)))


def forecasts_before(outlook: Outlook, rows: "pd.DataFrame | Missing") -> "pd.Series[float]":
    """Return the forecasts of a `track` before this one by session; none if it is hindsight."""
    if outlook.hindsight or isinstance(rows, Missing):
        return pd.Series(dtype=float)
    earlier = rows[rows["session"] < outlook.row["session"]]
    return pd.Series(earlier["forecast"].to_numpy(dtype=float), index=earlier["session"])


def percentile(outlook: Outlook, past: "pd.Series[float]") -> tuple[float, int] | None:
    """Return the share of the last 252 of `forecasts_before` under this one, and their number.

    None if they are fewer than 60.
    """
    year = past.tail(_YEAR)
    if len(year) < _FEW:
        return None
    return float((year < outlook.row["rv_5d_hat"]).mean()), len(year)


def drivers(row: Mapping[str, Any]) -> list[Driver]:
    """Return the parts of a row of predictions_daily: base, the five largest, others, total."""
    moved = [
        *(
            (part["feature"], _words(part, row), part["value"], part["contribution"])
            for part in row["drivers"]
        ),
        ("others", "all other features", None, row["others_contribution"]),
    ]
    base, contributions = row["base_log_variance"], [part[-1] for part in moved]
    of_base, *of_moved = _shares(contributions)
    return [
        Driver("base", "an average day", None, base, of_base),
        *(Driver(*part, share) for part, share in zip(moved, of_moved, strict=True)),
        Driver("total", "the forecast", None, base + sum(contributions), 1.0),
    ]


def _words(part: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return a feature's label, or the events of the week and the direction of the surprise."""
    match part["feature"]:
        case "event_weight":
            return describe(row["target_from"], row["target_to"]) or label("event_weight")
        case "iv_9d_surprise":
            side = "above" if part["value"] > 0 else "below"
            return f"short-dated implied volatility {side} its norm"
        case name:
            return label(name)


def _shares(contributions: Sequence[float]) -> list[float]:
    """Return the share of the forecast that is an average day's, and that of each contribution.

    Contributions multiply volatility; a change is divided among them in proportion, as by the
    logarithmic mean Divisia index, so that their order does not matter.
    """
    change = sum(contributions) / 2
    rate = -expm1(-change) / change if change else 1.0
    return [exp(-change), *(rate * one / 2 for one in contributions)]
