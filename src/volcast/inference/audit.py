"""Checks of staged forecasts before they are published, and of published ones."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.checks.market import columns_differ
from volcast.data.checks.moves import WINDOW
from volcast.data.checks.run import AuditReport, CheckRun, audit
from volcast.data.checks.suite import Check, Fact, Verdict, judge, newest_days, table_check
from volcast.inference.soundness import ladder_steps
from volcast.store import Store
from volcast.store.tables import FORECAST_BOUNDS, PREDICTIONS_DAILY

__all__ = ["PREDICTION_CHECKS", "audit_predictions", "judge_predictions", "window_start"]

_CODE = ("inference/audit.py", "data/checks/*.py")

_ROUNDING = 1e-6
"""Log variance by which the parts of an explanation may miss the forecast."""

_BROKEN = -1.0
"""Replaces a number that is missing or not finite; every bound below refuses it."""


def _row(
    name: str, measure: str, low: float, high: float | None = None, *, above: bool = False
) -> Check:
    return Check("predictions", name, "critical", measure, low, high, above)


_ROWS = (
    _row("ladder_out_of_order", "least step of the ladder", 0, above=True),
    _row("forecast_out_of_range", "forecast", *FORECAST_BOUNDS),
    _row("target_from_wrong", "days from the next session", 0, 0),
    _row("target_to_wrong", "days from the last session of the horizon", 0, 0),
    _row("parts_do_not_add_up", "missing of log variance", 0, _ROUNDING),
    _row("features_of_another_session", "days from features_as_of", 0, 0),
    _row("role_unknown", "has a role", 1),
    _row("model_version_missing", "has a version", 1),
    _row("created_before_close", "seconds created after close", 0),
)

PREDICTION_CHECKS = (
    table_check("predictions", "columns_differ", "critical"),
    Check("predictions", "key_repeated", "critical", key=("symbol", "session", "model_version")),
    *_ROWS,
    _row("session_not_as_of", "days from as_of", 0, 0),
    _row("symbol_not_target", "is of the target", 1),
    table_check("predictions", "champions", "critical", at_most=1, at_least=1),
    table_check("predictions", "published_unsound", "warning"),
    table_check("predictions", "second_champion", "warning"),
    table_check("predictions", "missing_forecasts", "warning"),
)  # fmt: skip


def audit_predictions(
    store: Store, universe: Universe, as_of: date, staged: pa.Table, page: Path | None = None
) -> AuditReport:
    """Check staged forecasts of ``as_of``, and the forecasts that are already published.

    Parameters
    ----------
    staged : pyarrow.Table
        Rows of predictions_daily that are about to be published.
    page : pathlib.Path or None
        Where an HTML page of the checks is written.

    Raises
    ------
    QualityError
        If a critical check fails; nothing should be published then.
    """
    target = universe.target
    window = {"first": window_start(as_of), "last": as_of}
    published = _without(store.read(PREDICTIONS_DAILY, symbols=[target], **window), staged)
    run = CheckRun.of(store, universe, as_of, page, [staged, published], _CODE)
    return audit(
        run, lambda: judge_predictions(staged, published, target, as_of), "staged forecast"
    )


def judge_predictions(staged: pa.Table, published: pa.Table, symbol: str, as_of: date) -> Verdict:
    """Run the checks of `PREDICTION_CHECKS`.

    Row checks are of the staged forecasts. Faults of published ones are warnings: a sound forecast
    must not wait for them.

    Parameters
    ----------
    staged : pyarrow.Table
        Forecasts of the run, champion first.
    published : pyarrow.Table
        The symbol's rows of predictions_daily in the window up to ``as_of``, without staged ones.
    """
    differ = columns_differ(PREDICTIONS_DAILY, staged.schema)
    if differ.value:
        # The other checks need the columns of the contract.
        return judge(PREDICTION_CHECKS[:1], pd.DataFrame(), {"columns_differ": differ})
    rows, past = _measured(staged, symbol, as_of), _measured(published, symbol, as_of)
    unsound = past[~np.logical_and.reduce([c.holds(past[c.measure]) for c in _ROWS])]
    roles = pd.concat([f[["session", "role", "model_version"]] for f in (rows, past)])
    champions = roles[roles["role"] == "champion"]
    repeated = champions["session"][champions["session"].duplicated()]
    facts = {
        "columns_differ": differ,
        "champions": Fact(
            float((rows["role"] == "champion").sum()), "exactly one must be published"
        ),
        "published_unsound": Fact(float(len(unsound)), newest_days(unsound["session"])),
        "second_champion": Fact(float(repeated.nunique()), newest_days(repeated)),
        "missing_forecasts": _gaps(champions["session"]),
    }
    return judge(PREDICTION_CHECKS, rows, facts)


def _measured(forecasts: pa.Table, symbol: str, as_of: date) -> pd.DataFrame:
    rows: pd.DataFrame = forecasts.to_pandas(date_as_object=False)
    forecast = rows["rv_5d_hat"].to_numpy(dtype=float)
    valid = [calendar.is_session(stamp.date()) for stamp in rows["session"]]
    # Measures of a day that is no session are replaced; as_of only fills its place.
    days = [s.date() if on else as_of for s, on in zip(rows["session"], valid, strict=True)]
    begins, ends = ([calendar.after(day, n) for day in days] for n in (1, calendar.HORIZON))
    created = rows["created_timestamp"] - calendar.closes(days)
    measures: dict[str, Any] = {
        "least step of the ladder": ladder_steps(rows),
        "forecast": np.where(np.isfinite(forecast), forecast, _BROKEN),
        "days from the next session": _apart(rows["target_from"], begins, valid),
        "days from the last session of the horizon": _apart(rows["target_to"], ends, valid),
        "missing of log variance": _unexplained(rows),
        "days from features_as_of": _apart(rows["features_as_of"], days, valid),
        "days from as_of": _apart(rows["session"], [as_of] * len(rows), valid),
        "has a role": rows["role"].isin(["champion", "challenger"]).astype(float),
        "has a version": (rows["model_version"].fillna("") != "").astype(float),
        "is of the target": (rows["symbol"] == symbol).astype(float),
        "seconds created after close": created.dt.total_seconds().fillna(_BROKEN),
    }
    return rows.assign(row=np.arange(len(rows)), **measures)


def _apart(
    actual: "pd.Series[pd.Timestamp]", expected: list[date], valid: list[bool]
) -> "pd.Series[float]":
    days = (actual - pd.DatetimeIndex(pd.to_datetime(expected))).dt.days.astype(float)
    return days.where(pd.Series(valid, actual.index, dtype=bool)).fillna(_BROKEN)


def _unexplained(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return of each row ``|base + drivers + others - log(rv^2)|``."""
    parts = rows["drivers"].map(lambda drivers: sum(one["contribution"] for one in drivers))
    total = rows["base_log_variance"] + parts.astype(float) + rows["others_contribution"]
    forecast = rows["rv_5d_hat"]
    gaps: pd.Series[float] = (total - 2 * np.log(forecast.where(forecast > 0))).abs()
    return gaps.where(np.isfinite(gaps), _BROKEN)


def _gaps(sessions: "pd.Series[pd.Timestamp]") -> Fact:
    """Count the sessions without a champion's forecast since the first one of the window."""
    if sessions.empty:
        return Fact(np.nan)
    days = pd.DatetimeIndex(sessions.unique())
    expected = pd.DatetimeIndex(calendar.sessions(days.min().date(), days.max().date()))
    missing = expected.difference(days)
    return Fact(float(len(missing)), newest_days(missing))


def window_start(as_of: date) -> date:
    """Return the first session of the window in which published forecasts are checked."""
    return calendar.after(as_of, 1 - WINDOW)


def _without(published: pa.Table, staged: pa.Table) -> pa.Table:
    """Leave out the staged rows, so that a second run gets the same input."""
    key = PREDICTIONS_DAILY.key
    if not set(key) <= set(staged.column_names):
        return published
    staged_keys = staged.select(key).to_pylist()
    others = [row not in staged_keys for row in published.select(key).to_pylist()]
    return published.filter(pa.array(others, pa.bool_()))
