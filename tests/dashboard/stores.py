"""Small stores for the page: eighteen made-up months, in every table that it shows."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from tests.contract_rows import contract_rows
from tests.monitoring.monitored import POINTER, ended, put
from tests.runs import evaluation
from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.evaluation.rows import evaluation_bytes
from volcast.features.catalog import FEATURES_DAILY
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    LABELS_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    Table,
)
from volcast.store.universe import remember

SESSION = date(2024, 6, 28)
SESSIONS = calendar.sessions(date(2023, 1, 3), SESSION)
PUBLISHED = SESSIONS[-40:]
FORECAST = 0.131
BEFORE = 0.14
DRIVERS = [
    {"feature": name, "value": -3.5 + place, "contribution": size}
    for place, (name, size) in enumerate(
        [("iv", -0.21), ("g5_less_iv", 0.15), ("ret_1_scaled", -0.1), ("drawdown_66", 0.05),
         ("g_sd_22", -0.02)]
    )
]  # fmt: skip
OTHERS = -0.07
BASE = 2 * np.log(FORECAST) - OTHERS - sum(part["contribution"] for part in DRIVERS)
HEADLINE = (
    "SPY, next five sessions (1-8 Jul 2024): 13.1 % (-0.9 from yesterday), "
    "80 % between 8.6 and 20.1; calm"
)


def whole(store: Store, *, volcast: float = 0.15) -> Store:
    """Fill a store with all that the page can show; its source is an archive.

    ``volcast`` is every forecast but the last two; outcomes move around .15, HAR-RV is .2.
    """
    remember(store, Universe(iv_3m="", bond="", credit=""))
    store.objects.put("registry/champion.json", POINTER)
    prices(store)
    prices(store, "VIX")
    labels(store)
    published(store, "SPY", volcast)
    walked(store, volcast)
    registry(store)
    watch(store)
    return store


def watch(store: Store) -> None:
    """Write the results of the checks on the last session."""
    put(
        store, MONITORING_DRIFT_DAILY, "SPY", SESSION, subject="verdict", test="state", window=0,
        fired=True, state="regime-shift", alert=True, reference_sha256="r",
        detail="VIX explains it",
    )  # fmt: skip
    put(
        store, MONITORING_DRIFT_DAILY, "SPY", SESSION, subject="iv", test="ks_level", fired=True,
        reference_sha256="r",
    )  # fmt: skip
    put(
        store, MONITORING_QUALITY, "SPY", SESSION, suite="curated", check="range_is_possible",
        severity="warning", passed=False, failed=2, detail="<b>two rows</b> are odd",
    )  # fmt: skip
    put(
        store, MONITORING_PERFORMANCE, "SPY", SESSION, state="same",
        detail="p .4 of being worse against HAR-RV",
    )  # fmt: skip
    put(
        store, MONITORING_RETRAIN, "SPY", SESSION, needed=False, train=False,
        reason="not needed: drift regime-shift, error same",
    )  # fmt: skip
    ended(store, "volcast-train", datetime(2024, 5, 31, 22, tzinfo=UTC))
    ended(store, "volcast-daily-inference", datetime(2024, 6, 28, 22, tzinfo=UTC), "failed")


def write(store: Store, table: Table, symbol: str, days: list[date], **columns: object) -> None:
    """Write one row a day; other columns have values made from a seed."""
    rows = contract_rows(table, [symbol], days).to_pandas().assign(**columns)
    store.write(table, rows)


def prices(store: Store, symbol: str = "SPY") -> None:
    """Write closes, and regimes: calm, but for the last ten sessions, which are stressed."""
    steps = np.random.default_rng(1).normal(0, 0.01, len(SESSIONS))
    write(
        store, CURATED_MARKET_DAILY, symbol, SESSIONS, source="csv",
        close=400 * np.exp(np.cumsum(steps)), known_at=closes(SESSIONS), flags=[[]] * len(SESSIONS),
    )  # fmt: skip
    stressed = np.arange(len(SESSIONS)) >= len(SESSIONS) - 10
    write(
        store, FEATURES_DAILY, symbol, SESSIONS, hmm_calm=np.where(stressed, 0.1, 0.8),
        hmm_normal=0.1, hmm_stressed=np.where(stressed, 0.8, 0.1),
        event_timestamp=closes(SESSIONS), created_timestamp=closes(SESSIONS),
    )  # fmt: skip


def labels(store: Store, symbol: str = "SPY") -> None:
    """Write the outcomes that are known at the last session."""
    days = SESSIONS[:-5]
    rv = 0.15 * np.exp(np.random.default_rng(2).normal(0, 0.2, len(days)))
    write(
        store, LABELS_DAILY, symbol, days, rv_5d=rv,
        label_end_session=SESSIONS[5:], event_timestamp=closes(SESSIONS[5:]),
    )  # fmt: skip


def published(store: Store, symbol: str, volcast: float = 0.15, last: float = FORECAST) -> None:
    """Write forty published forecasts; the last two are 14 % and `FORECAST`."""
    hat = np.full(len(PUBLISHED), volcast)
    hat[-2:] = BEFORE, last
    write(
        store, PREDICTIONS_DAILY, symbol, PUBLISHED, model_version="3", role="champion",
        rv_5d_hat=hat, lo80=hat - 0.045, hi80=hat + 0.07, lo95=hat - 0.061, hi95=hat + 0.13,
        baseline_har_rv=0.2, baseline_log_har=0.2, baseline_har_x=0.16, baseline_vix=0.154,
        regime="calm", p_calm=0.91,
        p_normal=0.08, p_stressed=0.01, base_log_variance=BASE, others_contribution=OTHERS,
        drivers=[DRIVERS] * len(PUBLISHED), target_from=[calendar.after(d, 1) for d in PUBLISHED],
        target_to=[calendar.after(d, 5) for d in PUBLISHED], features_as_of=PUBLISHED,
        created_timestamp=closes(PUBLISHED), model_as_of=date(2024, 4, 1),
    )  # fmt: skip


def walked(store: Store, volcast: float = 0.15, ends: int = len(SESSIONS) - 45) -> None:
    """Write the walk forward that the champion was judged by; it ends before the published."""
    rows = evaluation(ends).assign(session=SESSIONS[:ends], symbol="SPY")
    bounds = {"lo80": 0.1, "hi80": 0.2, "lo95": 0.08, "hi95": 0.25}
    rows = rows.assign(forecast=volcast, har_rv=0.2, har_x=0.16, vix=0.154, **bounds)
    store.objects.put("runs/cd/evaluation.parquet", evaluation_bytes(rows))


def registry(store: Store) -> None:
    """Write version 3 with its card, and the move that made it champion."""
    line = {"name": "volcast", "qlike": 0.349, "rmse": 6.54, "gain": 0.0, "p_better": 0.5}
    har = {"name": "har_rv", "qlike": 0.432, "rmse": 7.55, "gain": 0.192, "p_better": 1e-9}
    skill = {"rows": 4022, "first": "2003-01-02", "last": "2018-12-21", "lines": [line, har],
             "coverage80": 0.798, "coverage95": 0.945, "left_out": []}  # fmt: skip
    lineage = {"as_of": "2018-12-21", "recipe": "blend 0123abcd", "anchor": "blend-iv",
               "rows": 5031, "data_sha256": "beefcafe" * 8}  # fmt: skip
    version = json.loads(store.objects.get("registry/champion.json"))
    version.pop("event")
    event = {"number": 1, "previous": 0, "kind": "promote", "old": None, "new": "3", "who": "ana",
             "why": "run cd passed the gate", "when": "2024-05-31T22:00:00+00:00"}  # fmt: skip
    for key, content in {
        f"{version['uri']}metrics.json": {"all": skill},
        f"{version['uri']}lineage.json": lineage,
        "registry/versions/3.json": version,
        "registry/audit/000001.json": event,
    }.items():
        store.objects.put(key, json.dumps(content).encode())


def closes(days: list[date]) -> list[datetime]:
    """Closing times, in UTC."""
    return [stamp.to_pydatetime() for stamp in pd.DatetimeIndex(calendar.closes(days))]
