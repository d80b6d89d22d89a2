"""A store that can be served, and a server process of it."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.monitoring import monitored
from tests.monitoring.monitored import Process, eventually
from tests.s3_server import free_ports
from volcast import registry
from volcast.core.settings import SYNTHETIC_UNIVERSE as UNIVERSE
from volcast.features.catalog import FEATURES_DAILY
from volcast.features.point_in_time import features_at_close
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY
from volcast.training import train

AUDIT = {"who": "test", "why": "test", "when": datetime(2026, 1, 2, tzinfo=UTC)}
SYMBOL = UNIVERSE.target
FORECASTING = (
    "/predict", "/v1/models/volcast:predict", "/v1/models/volcast:explain",
    "/v2/models/volcast/infer",
)  # fmt: skip
POINTER = f"registry/champions/{UNIVERSE.target}.json"
READINESS = ("/v2/health/ready", "/v2/models/volcast/ready", "/v1/models/volcast")


@dataclass(frozen=True)
class Served:
    """A store that can be served: its folder, its newest session, and what is in it."""

    folder: Path
    as_of: date

    @property
    def store(self) -> Store:
        return Store.open(str(self.folder))

    @property
    def predictions(self) -> list[dict[str, Any]]:
        return self.store.read(PREDICTIONS_DAILY, symbols=[SYMBOL]).to_pylist()

    def features(self, names: list[str]) -> dict[date, dict[str, float | None]]:
        """Features by session, of sessions that lack none but those that may be null."""
        rows = self.store.read(FEATURES_DAILY, symbols=[SYMBOL]).to_pandas()
        rows = rows.set_index("session")[names].dropna()
        return {
            day: dict(zip(names, map(float, row), strict=True)) for day, *row in rows.itertuples()
        }

    def copy(self, folder: Path) -> "Served":
        shutil.copytree(self.folder, folder)
        return Served(folder, self.as_of)


@dataclass(frozen=True)
class Running(Process):
    """A server process of a store, and what it first answered."""

    served: Served
    at_first: dict[str, httpx.Response] = field(default_factory=dict)

    def names(self) -> list[str]:
        inputs = self.http.get("/v2/models/volcast").json()["inputs"]
        return [one["name"] for one in inputs]

    def answer(self, **query: str) -> dict[str, Any]:
        return self.http.get("/predict", params={"symbol": SYMBOL} | query).json()

    def eventually(self, condition: Callable[[], object]) -> None:
        eventually(condition, 60, self.log)


def v2_inputs(rows: list[dict[str, float]]) -> list[dict]:
    return [
        {"name": name, "shape": [len(rows)], "datatype": "FP64", "data": [r[name] for r in rows]}
        for name in rows[0]
    ]


def train_version(store: Store, as_of: date, seed: int = 7) -> str:
    frame = features_at_close(store, SYMBOL, as_of)
    run = train.train(store, UNIVERSE, as_of, frame, seed=seed)
    return registry.register(store, run.run_id).version


@contextmanager
def running(
    served: Served, log: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> Iterator[Running]:
    port = free_ports(1)[0]
    command = [
        sys.executable, "-m", "serving", "--port", str(port), "--follow-seconds", "0.2",
        "--store", str(served.folder), *arguments,
    ]  # fmt: skip
    with monitored.running(command, port, log, settings) as process:
        yield Running(process.http, log, process.process, served)
    text = log.read_text()
    assert process.process.returncode == 0, text
    assert "Traceback" not in text
    assert json.loads(text.splitlines()[-1])["event"] == "stopped"
