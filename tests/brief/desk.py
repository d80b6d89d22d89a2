"""A store that a brief can be written of, and the service that writes it."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd

from tests.monitoring.monitored import POINTER, Process, eventually, fill, put, running
from tests.s3_server import free_ports
from volcast.brief import Library
from volcast.core import calendar
from volcast.core.settings import read_settings
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    MONITORING_REALIZED_ERROR,
    PREDICTIONS_DAILY,
    RAW_MACRO,
)

SESSION = date(2024, 6, 28)
BEFORE = date(2024, 6, 27)
NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)

DRIVERS = [
    {"feature": "iv", "value": -4.0, "contribution": -0.4},
    {"feature": "g5_less_iv", "value": 0.3, "contribution": 0.2},
    {"feature": "drawdown_66", "value": -0.01, "contribution": 0.1},
]


def forecast(store: Store, session: date, rv: float, **columns: object) -> None:
    """Publish a champion's forecast."""
    values = {
        "model_version": "3", "role": "champion", "rv_5d_hat": rv, "lo80": 0.7 * rv,
        "hi80": 1.5 * rv, "lo95": 0.5 * rv, "hi95": 2 * rv, "baseline_har_rv": 0.16,
        "baseline_har_x": 0.15, "baseline_vix": 0.17, "regime": "calm", "p_calm": 0.7,
        "p_normal": 0.2, "p_stressed": 0.1, "base_log_variance": -4.0, "drivers": DRIVERS,
        "others_contribution": -0.05, "target_from": calendar.after(session, 1),
        "target_to": calendar.after(session, 5), "features_as_of": session,
        "model_as_of": date(2024, 5, 31),
    }  # fmt: skip
    put(store, PREDICTIONS_DAILY, "SPY", session, **(values | columns))


def features(store: Store, session: date, state: str) -> None:
    """Write features in which a state of the market has probability .8."""
    regimes = {f"hmm_{one}": 0.8 if one == state else 0.1 for one in ("calm", "normal", "stressed")}
    put(store, FEATURES_DAILY, "SPY", session, **(dict.fromkeys(names(), 0.1) | regimes))


def released(
    store: Store, series: str, period: date, value: float, public: datetime, **columns: object
) -> None:
    """Write a macro value and when it became public."""
    row = {
        "series": series, "observation_date": period, "available_at": public, "value": value,
        "source": "csv", "lag_rule": "published: in the test", "ingested_at": NOW,
    } | columns  # fmt: skip
    store.write(RAW_MACRO, pd.DataFrame([row]))


def library_of(store: Store, now: datetime = NOW, as_of: date | None = None) -> Library:
    """Open the library of a store at a time."""
    return Library.open(read_settings(store=store.uri, as_of=as_of), lambda: now)


def briefed(store: Store) -> Store:
    """Fill a store with three forecasts, three days of regimes, macro values and documents."""
    fill(store, SESSION, "csv")
    for session, state in ((date(2024, 6, 26), "normal"), (BEFORE, "calm"), (SESSION, "calm")):
        features(store, session, state)
        put(store, CURATED_MARKET_DAILY, "SPY", session, source="csv", close=500.0)
    forecast(store, date(2024, 6, 20), 0.120)
    forecast(store, BEFORE, 0.140)
    forecast(store, SESSION, 0.131)
    put(
        store, MONITORING_REALIZED_ERROR, "SPY", date(2024, 6, 20), model_version="3",
        role="champion", rv_5d=0.09, rv_5d_hat=0.12, qlike=0.2, error_points=3.0, inside_80=True,
    )  # fmt: skip
    close = datetime(2024, 6, 28, 20, tzinfo=UTC)
    released(store, "UNRATE", date(2024, 4, 1), 3.9, close - timedelta(days=50))
    released(store, "UNRATE", date(2024, 5, 1), 4.0, close - timedelta(days=2))
    released(store, "UNRATE", date(2024, 6, 1), 4.1, close + timedelta(days=7))
    line = {"qlike": 0.2, "rmse": 5.0, "gain": 0.0, "p_better": 0.5}
    lines = [
        line | {"name": "volcast"},
        line | {"name": "har_rv", "qlike": 0.25, "gain": 0.2, "p_better": 0.001},
        line | {"name": "har_x", "qlike": 0.19, "gain": -0.05, "p_better": 0.7},
    ]
    skill = {"rows": 1000, "first": "2020-01-02", "last": "2024-05-23", "lines": lines}
    for folder in ("registry/volcast/3", "runs/cd"):
        store.objects.put(f"{folder}/metrics.json", json.dumps({"all": skill}).encode())
        store.objects.put(f"{folder}/lineage.json", b'{"as_of": "2024-05-23"}')
    record = {k: v for k, v in json.loads(POINTER).items() if k != "event"}
    store.objects.put("registry/versions/3.json", json.dumps(record).encode())
    store.objects.put(
        "documents/2024-06-26-note.txt",
        b"Desk note on Verland\n\nThe Bank of Verland raised its policy rate to 4.25 per cent. "
        b"Governor Oskeld spoke of persistent rents.\n",
    )
    return store


@contextlib.contextmanager
def briefing(
    store: Store, log: Path, settings: Mapping[str, str] | None = None, seconds: float = 0.5
) -> Iterator[Process]:
    """Run the service until the block ends; it has read its sources once."""
    port = free_ports(1)[0]
    command = [
        sys.executable, "-m", "serving.brief", "--store", store.uri, "--port", str(port),
        "--seconds", str(seconds),
    ]  # fmt: skip
    with running(command, port, log, settings) as process:
        eventually(lambda: process.http.get("/ready").is_success, 60, log)
        yield process
