"""A store with a champion of its own, trained once a test session, and a server of it."""

from collections.abc import Iterator, Mapping
from datetime import date

import pytest

from feature_repo.online import materialize
from tests.serving.live import (
    AUDIT,
    POINTER,
    READINESS,
    SYMBOL,
    Running,
    Served,
    running,
    train_version,
)
from volcast import registry
from volcast.core import calendar
from volcast.core.settings import SYNTHETIC_UNIVERSE as UNIVERSE
from volcast.data.curate import curate
from volcast.data.ingest import ingest
from volcast.data.sources import SyntheticSource
from volcast.features import labels
from volcast.features.build import build
from volcast.inference.publish import backfill
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, RAW_MARKET


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served") / "store"
    store, source = Store.open(str(folder)), SyntheticSource(years=6)
    as_of = ingest(store, source, UNIVERSE, now=AUDIT["when"], as_of=None).as_of
    raw = store.read(RAW_MARKET).to_pandas(date_as_object=False)
    store.write(CURATED_MARKET_DAILY, curate(raw, UNIVERSE, as_of).rows)
    build(store, UNIVERSE, as_of)
    labels.build(store, UNIVERSE, as_of)
    registry.promote(store, train_version(store, as_of), **AUDIT)
    backfill(store, UNIVERSE, calendar.after(as_of, -60), as_of)
    materialize(str(folder), as_of, expect=[SYMBOL])
    return Served(folder, as_of)


@pytest.fixture(scope="session")
def server(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of a copy of the store; it was started before there was a champion."""
    folder = tmp_path_factory.mktemp("server")
    copy = served.copy(folder / "store")
    pointer = copy.store.objects.get(POINTER)
    copy.store.objects.delete(POINTER)
    with running(copy, folder / "log") as server:
        for path in ("/predict?symbol=SYN", *READINESS):
            server.at_first[path] = server.http.get(path)
        copy.store.objects.put(POINTER, pointer)
        server.eventually(lambda: server.http.get(READINESS[0]).is_success)
        yield server


@pytest.fixture(scope="session")
def features(server: Running, served: Served) -> Mapping[date, Mapping[str, float | None]]:
    return served.features(server.names())
