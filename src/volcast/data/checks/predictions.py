"""Checks of forecasts: those staged, before they are published, and those that are."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from volcast.core import calendar
from volcast.data.checks.history import WINDOW
from volcast.data.checks.market import columns_differ
from volcast.data.checks.suite import Check, Fact, Verdict, judge, newest_days, table_check
from volcast.inference.forecast import HIGHEST, LOWEST
from volcast.store.tables import PREDICTIONS_DAILY

__all__ = ["PREDICTION_CHECKS", "judge_predictions", "window_start"]

_LADDER = ["lo95", "lo80", "hi80", "hi95"]
_ROUNDING = 1e-6
"""Log variance by which the parts of an explanation may miss the forecast."""

_BROKEN = -1.0
"""Stands for a number that is not there, or not finite; every bound below refuses it."""


def _row(name: str, measure: str, **more: float | bool) -> Check:
    return Check("predictions", name, "critical", measure, **more)  # type: ignore[arg-type]


_ROWS = (
    _row("ladder_out_of_order", "least step of the ladder", at_least=0, above=True),
    _row("forecast_out_of_range", "forecast", at_least=LOWEST, at_most=HIGHEST),
    _row("target_from_wrong", "days from the next session", at_least=0, at_most=0),
    _row("target_to_wrong", "days from the last session of the horizon", at_least=0, at_most=0),
    _row("parts_do_not_add_up", "missing of log variance", at_least=0, at_most=_ROUNDING),
    _row("features_of_another_session", "days from features_as_of", at_least=0, at_most=0),
    _row("role_unknown", "has a role", at_least=1),
    _row("model_version_missing", "has a version", at_least=1),
    _row("created_before_close", "seconds created after close", at_least=0),
)

PREDICTION_CHECKS = (
    table_check("predictions", "columns_differ", "critical"),
    Check("predictions", "key_repeated", "critical", key=("symbol", "session", "model_version")),
    *_ROWS,
    _row("session_not_as_of", "days from as_of", at_least=0, at_most=0),
    _row("symbol_not_target", "is of the target", at_least=1),
    table_check("predictions", "champions", "critical", at_most=1, at_least=1),
    table_check("predictions", "published_unsound", "warning"),
    table_check("predictions", "second_champion", "warning"),
    table_check("predictions", "missing_forecasts", "warning"),
)


def judge_predictions(staged: pa.Table, published: pa.Table, symbol: str, as_of: date) -> Verdict:
    """Run the checks of `PREDICTION_CHECKS`.

    Those of rows judge the staged ones. What is published already is told of in warnings: it can
    no longer be stopped, and a sound forecast must not wait for it.

    Parameters
    ----------
    staged : pyarrow.Table
        Forecasts of the run, champion first.
    published : pyarrow.Table
        The symbol's rows of predictions_daily in the window up to ``as_of``, without staged ones.
    """
    differ = columns_differ(PREDICTIONS_DAILY, staged.schema)
    if differ.value:
        # No column can be counted on, so that this check stands alone.
        return judge(PREDICTION_CHECKS[:1], pd.DataFrame(), {"columns_differ of table": differ})
    rows, held = _measured(staged, symbol, as_of), _measured(published, symbol, as_of)
    unsound = held[~np.logical_and.reduce([c.holds(held[c.measure]) for c in _ROWS])]
    roles = pd.concat([f[["session", "role", "model_version"]] for f in (rows, held)])
    champions = roles[roles["role"] == "champion"]
    twice = champions["session"][champions["session"].duplicated()]
    facts = {
        "columns_differ": differ,
        "champions": Fact(float((rows["role"] == "champion").sum()), "one is to be published"),
        "published_unsound": Fact(float(len(unsound)), newest_days(unsound["session"])),
        "second_champion": Fact(float(twice.nunique()), newest_days(twice)),
        "missing_forecasts": _gaps(champions["session"]),
    }
    return judge(PREDICTION_CHECKS, rows, {f"{n} of table": f for n, f in facts.items()})


def _measured(forecasts: pa.Table, symbol: str, as_of: date) -> pd.DataFrame:
    rows: pd.DataFrame = forecasts.to_pandas(date_as_object=False)
    ladder = rows[_LADDER].to_numpy(dtype=float)
    sound = np.isfinite(ladder).all(axis=1)
    steps = np.diff(np.where(sound[:, None], ladder, 0.0), axis=1).min(axis=1)
    forecast = rows["rv_5d_hat"].to_numpy(dtype=float)
    days = [stamp.date() for stamp in rows["session"]]
    known = [calendar.is_session(day) for day in days]
    ends = [
        (calendar.after(day, 1), calendar.after(day, calendar.HORIZON)) if on else (day, day)
        for day, on in zip(days, known, strict=True)
    ]
    close = calendar.closes([day if on else as_of for day, on in zip(days, known, strict=True)])
    measures: dict[str, Any] = {
        "least step of the ladder": np.where(sound, steps, _BROKEN),
        "forecast": np.where(np.isfinite(forecast), forecast, _BROKEN),
        "days from the next session": _apart(rows["target_from"], [e[0] for e in ends], known),
        "days from the last session of the horizon": _apart(
            rows["target_to"], [e[1] for e in ends], known
        ),
        "missing of log variance": _unexplained(rows),
        "days from features_as_of": _apart(rows["features_as_of"], days, known),
        "days from as_of": _apart(rows["session"], [as_of] * len(rows), known),
        "has a role": rows["role"].isin(["champion", "challenger"]).astype(float),
        "has a version": (rows["model_version"].fillna("") != "").astype(float),
        "is of the target": (rows["symbol"] == symbol).astype(float),
        "seconds created after close": _seconds(rows["created_timestamp"], close),
    }
    return rows.assign(row=np.arange(len(rows)), **measures)


def _apart(
    given: "pd.Series[pd.Timestamp]", wanted: list[date], known: list[bool]
) -> "pd.Series[float]":
    days = (given - pd.DatetimeIndex(pd.to_datetime(wanted))).dt.days.astype(float)
    return days.where(pd.Series(known, given.index, dtype=bool)).fillna(_BROKEN)


def _seconds(created: "pd.Series[pd.Timestamp]", close: pd.DatetimeIndex) -> "pd.Series[float]":
    seconds: pd.Series[float] = (created - close).dt.total_seconds()
    return seconds.fillna(_BROKEN)


def _unexplained(rows: pd.DataFrame) -> list[float]:
    """Return of each row ``|base + drivers + others - log(rv^2)|``."""
    found = []
    for row in rows.to_dict("records"):
        parts = [driver["contribution"] for driver in row["drivers"]]
        told = row["base_log_variance"] + sum(parts) + row["others_contribution"]
        hat = row["rv_5d_hat"]
        gap = abs(told - 2 * np.log(hat)) if hat > 0 else np.nan
        found.append(float(gap) if np.isfinite(gap) else _BROKEN)
    return found


def _gaps(sessions: "pd.Series[pd.Timestamp]") -> Fact:
    """Count the sessions without a champion's forecast since the first one of the window."""
    if sessions.empty:
        return Fact(np.nan)
    held = pd.DatetimeIndex(sessions.unique())
    wanted = pd.DatetimeIndex(calendar.sessions(held.min().date(), held.max().date()))
    lacks = wanted.difference(held)
    return Fact(float(len(lacks)), newest_days(pd.Series(lacks)))


def window_start(as_of: date) -> date:
    """Return the first session of the window in which published forecasts are looked at."""
    return calendar.after(as_of, 1 - WINDOW)
