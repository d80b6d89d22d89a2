"""Checks of features_daily before it is used for a forecast."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from volcast.core import calendar
from volcast.core.names import STATES
from volcast.core.settings import Universe
from volcast.data.checks.market import columns_differ
from volcast.data.checks.moves import WINDOW
from volcast.data.checks.run import AuditReport, CheckRun, audit
from volcast.data.checks.suite import Check, Fact, Verdict, judge, newest_days, table_check
from volcast.features.catalog import CONTEXT, FEATURES, FEATURES_DAILY, REGIME_MODELS, Feature
from volcast.features.events import covered_until, uncovered_sessions
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

__all__ = ["FEATURE_CHECKS", "audit_features", "judge_features"]

_CODE = (
    "features/audit.py",
    "features/catalog.*",
    "features/events.py",
    "features/fomc.csv",
    "data/checks/*.py",
)

_STEADY = 5
"""Consecutive sessions with a value, after which a null is a fault."""

_ROUNDING = 1e-9


def _bound(name: str, at_least: float, at_most: float, above: bool = False) -> Check:
    check, measure = f"{name}_out_of_bounds", f"worst {name}"
    return Check("features", check, "critical", measure, at_least, at_most, above=above)


_BOUNDS: tuple[tuple[Check, Callable[[Feature], bool]], ...] = (
    # A session that ends where it began has no volatility.
    (_bound("rv_1", 0.0, 20.0), lambda f: f.name == "rv_1"),
    (
        _bound("volatility", 0.0, 20.0, above=True),
        lambda f: f.unit == "annualised, decimal" and f.name != "rv_1" and "change" not in f.name,
    ),
    (
        _bound("correlation", -1 - _ROUNDING, 1 + _ROUNDING),
        lambda f: f.unit == "correlation",
    ),
    (_bound("probability", -_ROUNDING, 1 + _ROUNDING), lambda f: f.unit == "probability"),
    (_bound("log_return", -2.0, 2.0), lambda f: f.unit == "log return"),
    (_bound("log_variance", -20.0, 6.0), lambda f: f.unit == "log annualised variance"),
    (_bound("number", -1e12, 1e12), lambda _: True),
)
"""Bounds, and the features of their unit. The last is of every feature, and refuses infinity."""

_KEY = ["symbol", "session", "created_timestamp"]

FEATURE_CHECKS = (
    table_check("features", "columns_differ", "critical"),
    Check("features", "key_repeated", "critical", key=tuple(_KEY)),
    Check("features", "event_not_close", "critical", "seconds from close", 0, 0),
    Check("features", "created_before_close", "critical", "seconds created after close", 0),
    *(bound for bound, _ in _BOUNDS),
    *(
        Check("features", f"{k}_sum_not_one", "critical", f"sum of {k}", 1 - 1e-6, 1 + 1e-6)
        for k in REGIME_MODELS
    ),
    table_check("features", "sessions_behind", "critical"),
    table_check("features", "missing_sessions", "critical"),
    table_check("features", "session_without_price", "critical"),
    table_check("features", "own_newly_null", "critical"),
    table_check("features", "others_newly_null", "warning"),
    table_check("features", "events_uncovered", "warning"),
)  # fmt: skip


def audit_features(
    store: Store, universe: Universe, as_of: date, page: Path | None = None
) -> AuditReport:
    """Check the target's rows of features_daily up to ``as_of``, and write an HTML page of it.

    Raises
    ------
    QualityError
        If a critical check fails.
    StaleInput
        If the only fault is that ``as_of`` has no features.
    """
    target = universe.target
    features = store.read(FEATURES_DAILY, symbols=[target], last=as_of)
    curated = store.read(CURATED_MARKET_DAILY, symbols=[target], last=as_of).select(["session"])
    run = CheckRun.of(store, universe, as_of, page, [features, curated], _CODE)
    return audit(run, lambda: judge_features(features, curated, target, as_of), "features_daily")


def judge_features(features: pa.Table, curated: pa.Table, symbol: str, as_of: date) -> Verdict:
    """Run the checks of `FEATURE_CHECKS` on the versions in use.

    A sudden null of a feature of another symbol or of the economy is only a warning. ``features``
    has all versions; ``curated`` needs no column but session.
    """
    rows = features.to_pandas(date_as_object=False)
    priced = pd.DatetimeIndex(curated.column("session").to_pandas(date_as_object=False))
    facts = {
        "columns_differ": columns_differ(FEATURES_DAILY, features.schema),
        **_completeness(pd.DatetimeIndex(rows["session"].unique()), priced, symbol, as_of),
        **_newly_null(rows, as_of),
        "events_uncovered": Fact(
            uncovered_sessions(as_of), f"meetings are known until {covered_until()}"
        ),
    }
    # A fault of an earlier version, since corrected, must not stop later runs.
    in_use = rows.sort_values("created_timestamp", kind="stable")
    in_use = in_use[
        ~in_use.duplicated("session", keep="last") | in_use.duplicated(_KEY, keep=False)
    ]
    return judge(FEATURE_CHECKS, _measured(in_use.sort_index()), facts)


def _measured(rows: pd.DataFrame) -> pd.DataFrame:
    close = pd.Series(calendar.closes(rows["session"]), rows.index)
    measures: dict[str, object] = {
        "row": np.arange(len(rows)),
        "seconds from close": (rows["event_timestamp"] - close).dt.total_seconds(),
        "seconds created after close": (rows["created_timestamp"] - close).dt.total_seconds(),
    }
    for bound, applies in _BOUNDS:
        columns = [feature.name for feature in FEATURES if applies(feature)]
        values = rows[columns].to_numpy(dtype=float)
        out = np.maximum(bound.at_least - values, values - bound.at_most)
        at = np.where(np.isnan(out), -np.inf, out).argmax(axis=1)
        measures[bound.measure] = np.take_along_axis(values, at[:, None], 1)[:, 0]
        measures[f"{bound.measure}: which"] = np.asarray(columns, dtype=object)[at]
    for kind in REGIME_MODELS:
        columns = [f"{kind}_{state}" for state in STATES]
        measures[f"sum of {kind}"] = rows[columns].sum(axis=1, skipna=False)
    return pd.concat([rows[_KEY], pd.DataFrame(measures, index=rows.index)], axis=1)


def _completeness(
    days: pd.DatetimeIndex, priced: pd.DatetimeIndex, symbol: str, as_of: date
) -> dict[str, Fact]:
    start = pd.Timestamp(calendar.after(as_of, 1 - WINDOW))
    newest = days.max().date() if len(days) else None
    missing = priced[(priced >= start) & (priced <= days.max())].difference(days)
    odd = days.difference(priced)
    behind = WINDOW if newest is None else calendar.sessions_between(newest, as_of)
    return {
        "sessions_behind": Fact(
            behind, f"features of {symbol} up to {newest or 'no session'}"
        ),
        "missing_sessions": Fact(len(missing), newest_days(missing)),
        "session_without_price": Fact(len(odd), newest_days(odd)),
    }  # fmt: skip


def _newly_null(rows: pd.DataFrame, as_of: date) -> dict[str, Fact]:
    """Count features that are null in the newest session only."""
    first = rows[rows["created_timestamp"] <= rows["event_timestamp"]]
    first = first.drop_duplicates("session", keep="last").set_index("session").sort_index()
    day = pd.Timestamp(as_of)
    before = first[first.index < day].tail(_STEADY)
    if day not in first.index or len(before) < _STEADY:
        return dict.fromkeys(("own_newly_null", "others_newly_null"), Fact(np.nan))
    newly_null = first.loc[[day]].isna().all() & before.notna().all()
    lost = [feature for feature in FEATURES if newly_null[feature.name]]
    own = [f.name for f in lost if f.group not in CONTEXT and not any("." in s for s in f.sources)]
    others = [f.name for f in lost if f.name not in own]
    return {
        "own_newly_null": Fact(len(own), ", ".join(own)),
        "others_newly_null": Fact(len(others), ", ".join(others)),
    }
