"""A store with something in every table that is watched, and the processes that watch it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract_rows import contract_rows
from tests.s3_server import free_ports
from volcast.core.settings import Universe
from volcast.features.catalog import FEATURES_DAILY
from volcast.store import Store
from volcast.store.schema import FLOAT
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    LABELS_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_QUARANTINE,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    Table,
)
from volcast.store.universe import remember

ROOT = Path(__file__).parents[2]
FILES = ROOT / "helm/volcast/files"
RULES = FILES / "rules/volcast.yaml"
ROUTES = FILES / "alerting.yaml"
DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))

SESSION = date(2024, 6, 28)
"""A Friday; the Thursday after is Independence Day."""

POINTER = (
    b'{"name": "volcast", "version": "3", "sha256": "ab", "uri": "registry/volcast/3/",'
    b' "run_id": "cd", "as_of": "2024-05-31", "target": "SPY", "event": 1}'
)


def put(store: Store, table: Table, symbol: str, session: date, **columns: object) -> None:
    """Write one row; columns that are not given have values made from a seed."""
    row = contract_rows(table, [symbol], [session]).to_pylist()[0] | columns
    store.write(table, table.schema.empty_table().from_pylist([row], schema=table.schema))


def verdict(store: Store, state: str, session: date = SESSION, symbol: str = "SPY") -> None:
    """Write a drift verdict."""
    put(
        store, MONITORING_DRIFT_DAILY, symbol, session, subject="verdict", test="verdict",
        window=0, fired=state != "ok", state=state, alert=state == "drift",
    )  # fmt: skip


def ended(store: Store, pipeline: str, at: datetime, outcome: str = "succeeded") -> None:
    """Write the end of a run."""
    put(
        store, MONITORING_JOBS, pipeline, at.date(), run_id=at.isoformat(), ended_at=at,
        outcome=outcome,
    )  # fmt: skip


def fill(store: Store, session: date = SESSION, source: str = "yfinance") -> Store:
    """Write a healthy session of SPY in every table."""
    remember(store, Universe())
    for symbol in ("SPY", "VIX"):
        put(store, CURATED_MARKET_DAILY, symbol, session, source=source)
    for table in (FEATURES_DAILY, LABELS_DAILY, MONITORING_QUARANTINE):
        put(store, table, "SPY", session)
    put(
        store, PREDICTIONS_DAILY, "SPY", session, role="champion", model_version="3",
        rv_5d_hat=0.15, lo80=0.11, hi80=0.2, lo95=0.09, hi95=0.3, baseline_har_rv=0.16,
        baseline_vix=0.17, p_calm=0.7, p_normal=0.2, p_stressed=0.1,
    )  # fmt: skip
    store.objects.put("registry/champion.json", POINTER)
    put(
        store, MONITORING_QUALITY, "SPY", session, suite="curated", severity="warning",
        passed=True,
    )  # fmt: skip
    verdict(store, "ok", session)
    put(store, MONITORING_DRIFT_DAILY, "SPY", session, subject="iv", test="ks_level", fired=False)
    put(
        store, MONITORING_PERFORMANCE, "SPY", session, state="same",
        **{c.name: 0.5 for c in MONITORING_PERFORMANCE.columns if c.type == FLOAT},
    )  # fmt: skip
    put(store, MONITORING_RETRAIN, "SPY", session, needed=False, train=False)
    for pipeline in ("volcast-daily-inference", "volcast-train"):
        ended(store, pipeline, datetime(2024, 6, 28, 22, tzinfo=UTC))
    return store


@dataclass(frozen=True)
class Process:
    """A process that listens, and a client of it."""

    http: httpx.Client
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def address(self) -> str:
        return str(self.http.base_url).removeprefix("http://").rstrip("/")

    def metrics(self) -> dict[str, float]:
        lines = self.http.get("/metrics").text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def eventually(condition: Callable[[], object], seconds: float = 60, *logs: Path) -> Any:
    """Wait until a condition is true, and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "\n".join(log.read_text()[-3000:] for log in logs)
        time.sleep(0.1)
    return value


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, log: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Run a process until the block ends; it is up once it answers anything."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
    with (
        log.open("ab") as sink,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        process = subprocess.Popen(
            command, cwd=ROOT, env=clean | dict(settings or {}), stdout=sink, stderr=sink
        )

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(httpx.TransportError):
                return bool(http.get("/").status_code)
            return False

        try:
            eventually(answers, 180, log)
            yield Process(http, log, process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)


@contextlib.contextmanager
def exporting(store: Store, log: Path, seconds: float = 0.2) -> Iterator[Process]:
    """Run an exporter."""
    port = free_ports(1)[0]
    command = [
        sys.executable, "-m", "serving.exporter", "--store", store.uri, "--port", str(port),
        "--seconds", str(seconds),
    ]  # fmt: skip
    with running(command, port, log) as process:
        yield process


@contextlib.contextmanager
def prometheus(folder: Path, configuration: Path) -> Iterator[Process]:
    """Run Prometheus."""
    port = free_ports(1)[0]
    command = [
        binary("prometheus"), f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}",
        # What fires before Alertmanager is discovered is sent again, by default a minute later.
        "--rules.alert.resend-delay=1s",
        "--log.level=warn",
    ]  # fmt: skip
    with running(command, port, folder / "prometheus.log") as process:
        eventually(lambda: process.http.get("/-/ready").is_success, 60, process.log)
        yield process


@contextlib.contextmanager
def alertmanager(folder: Path, configuration: Path) -> Iterator[Process]:
    """Run Alertmanager, alone."""
    port = free_ports(1)[0]
    command = [
        binary("prometheus-alertmanager"), f"--config.file={configuration}",
        f"--storage.path={folder / 'alertmanager'}", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip
    with running(command, port, folder / "alertmanager.log") as process:
        yield process


def binary(name: str) -> str:
    """Return where a program is; skip the test where there is none."""
    return shutil.which(name) or pytest.skip(f"no {name} on this machine")
