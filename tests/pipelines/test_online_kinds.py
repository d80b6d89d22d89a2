"""The online store of each kind: the same results and the same guarantees."""

import contextlib
import os
import socket
import sqlite3
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from tests.contract_rows import feature_rows
from tests.redis_server import RedisServer, redis_server
from tests.s3_server import free_ports
from volcast.core.errors import ConfigError, ContractError, StoreUnavailable
from volcast.core.settings import Universe
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store

FIRST, LAST, CLOSE = date(2018, 12, 3), date(2018, 12, 28), datetime(2018, 12, 28, 21, tzinfo=UTC)
EXTREMES = (5e-324, 1.7976931348623157e308, -0.0, 0.1 + 0.2, 2.0**-30)
"""Values that any step through text or single precision would change."""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[str]:
    (port,) = free_ports(1)
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["sqlite", "redis", "dynamodb"])
def online(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> SecretStr | None:
    """Return the setting of an empty store of each kind in turn."""
    if request.param == "sqlite":
        return None
    if request.param == "redis":
        server = request.getfixturevalue("redis")
        with contextlib.closing(server.client()) as client:
            client.flushall()
        return SecretStr(server.url.get_secret_value())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-no-worth")
    endpoint = request.getfixturevalue("dynamodb")
    return SecretStr(f"dynamodb://eu-west-1/{tmp_path.name}?endpoint={endpoint}")


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Return a store with features of one symbol, some of them extreme or absent."""
    rows = feature_rows("SPX", FIRST, LAST, 3)
    rows.loc[len(rows) - 1, names()[: len(EXTREMES)]] = EXTREMES
    rows.loc[len(rows) - 1, names()[-2:]] = None
    store = Store.open(str(tmp_path / "store"))
    store.write(FEATURES_DAILY, rows)
    return store.uri


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Put the process's time zone back once the test has undone what it set."""
    before = os.environ.get("TZ")
    yield monkeypatch
    monkeypatch.undo()
    assert os.environ.get("TZ") == before
    time.tzset()


def _online(uri: str, online: SecretStr | None, symbol: str = "SPX") -> Any:
    from feature_repo.places import locate
    from feature_repo.rows import OnlineRows

    return OnlineRows(locate(Store.open(uri), online=online)).newest(symbol)


def _online_by_feast(uri: str, online: SecretStr | None, symbol: str) -> Any:
    from feature_repo.opening import open_feature_store

    feature_store = open_feature_store(uri, online=online)
    service = feature_store.get_feature_service("forecast")
    answer = feature_store.get_online_features(service, [{"symbol": symbol}])
    row = {name: one for name, (one,) in answer.to_dict(include_event_timestamps=True).items()}
    newest = max(row[f"{name}__ts"] for name in names())
    close = datetime.fromtimestamp(newest, UTC)
    return None if newest == 0 else (close, {name: row[name] for name in names()})


def _bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)


def test_the_newest_row_comes_back_to_the_last_bit(uri, online):
    from feature_repo.online import materialize

    assert materialize(uri, LAST, expect=["SPX"], online=online) == {"SPX": CLOSE}
    stored = Store.open(uri).read(FEATURES_DAILY, first=LAST, last=LAST).to_pylist()[0]
    close, features = _online(uri, online)
    assert close == CLOSE
    assert {name: _bits(value) for name, value in features.items()} == {
        name: _bits(stored[name]) for name in names()
    }
    assert [features[name] for name in names()[-2:]] == [None, None]
    assert _online(uri, online, "NONE") is None


def test_a_row_is_read_as_feast_reads_it(uri, online, zone):
    from feature_repo.online import materialize

    zone.setenv("TZ", "UTC")  # Feast reads the times of SQLite as local ones
    time.tzset()
    # Feast's own, which IPython replaces in the whole process where it is imported.
    zone.setitem(
        sqlite3.converters, "TIMESTAMP",
        lambda stored: datetime.fromtimestamp(int(stored), UTC).replace(tzinfo=None),
    )  # fmt: skip
    days, whole = date(2018, 12, 20), feature_rows("\u00c4^/B", FIRST, LAST, 3)
    whole[names()] = np.arange(len(names()))
    Store.open(uri).write(FEATURES_DAILY, pd.concat([whole, feature_rows("OLD", FIRST, days, 4)]))
    materialize(uri, LAST, online=online)
    for symbol in ("SPX", "\u00c4^/B", "OLD", "NONE"):
        ours, feasts = (read(uri, online, symbol) for read in (_online, _online_by_feast))
        assert (ours is None) == (symbol == "NONE")
        assert str(ours) == str(feasts)  # to the last bit and the sign of zero


def test_keys_of_an_unknown_layout_are_refused(uri, monkeypatch):
    from feature_repo.places import SETTINGS

    monkeypatch.setitem(SETTINGS, "entity_key_serialization_version", 4)
    with pytest.raises(ConfigError) as refused:
        _online(uri, None)
    assert refused.value.found == "entity_key_serialization_version 4"


@pytest.mark.parametrize("value", [b"\x20\x03", b"\x29\0", b"\x29" + bytes(9)])
def test_a_value_that_is_no_double_is_refused(uri, value):
    from feature_repo.online import materialize

    materialize(uri, LAST)
    with contextlib.closing(sqlite3.connect(Path(uri) / "feast" / "online.db")) as connection:
        connection.execute("UPDATE volcast_features_daily SET value = ?", (value,))
        connection.commit()
    with pytest.raises(ContractError):
        _online(uri, None)


def test_a_store_that_nothing_was_put_into_has_no_row_and_stays_untouched(uri, online):
    assert _online(uri, online) is None
    assert not (Path(uri) / "feast").exists()


def test_a_late_row_and_a_restated_one_are_taken(uri, online):
    from feature_repo.online import materialize

    materialize(uri, LAST, online=online)
    restated = feature_rows("SPX", FIRST, LAST, 3).tail(1)
    restated["created_timestamp"] += pd.Timedelta(days=1)
    late = feature_rows("SPY", FIRST, date(2018, 12, 20), 3)
    Store.open(uri).write(FEATURES_DAILY, pd.concat([restated, late]))
    stamps = materialize(uri, LAST, online=online)
    assert stamps == {"SPX": CLOSE, "SPY": datetime(2018, 12, 20, 21, tzinfo=UTC)}
    assert _online(uri, online) == (CLOSE, {name: restated[name].iloc[0] for name in names()})


@pytest.mark.parametrize("online", ["redis", "dynamodb"], indirect=True)
def test_an_older_session_written_by_a_machine_that_saw_none_is_dropped(uri, online, monkeypatch):
    from feature_repo import online as module

    module.materialize(uri, LAST, online=online)
    look_up, looks = module._event_timestamps, iter([True, False])
    monkeypatch.setattr(
        module, "_event_timestamps", lambda *args: {} if next(looks) else look_up(*args)
    )
    assert module.materialize(uri, date(2018, 12, 10), online=online) == {"SPX": CLOSE}


def test_an_older_session_never_replaces_a_newer(uri, online):
    from feature_repo.online import materialize

    days = [date(2018, 12, day) for day in (10, 28, 14, 27)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda day: materialize(uri, day, online=online), days))
    stamps = materialize(uri, date(2018, 12, 10), expect=["SPX"], online=online)
    assert stamps == {"SPX": CLOSE}


@pytest.mark.parametrize("online", ["redis", "dynamodb"], indirect=True)
def test_writers_that_share_no_lock_leave_the_newest_row_whole(uri, online):
    from feature_repo.opening import open_feature_store

    rows = feature_rows("SPX", FIRST, LAST, 3)
    rows[names()] = np.arange(len(rows), dtype=float)[:, None].repeat(len(names()), axis=1)
    columns = ["symbol", "event_timestamp", "created_timestamp", *names()]
    opened = [open_feature_store(uri, online=online) for _ in range(4)]

    def write(turn: int) -> None:
        for place in np.random.default_rng(turn).permutation(len(rows)):
            row = rows.loc[[place], columns]
            opened[turn].write_to_online_store(FEATURES_DAILY.name, row)

    with ThreadPoolExecutor(len(opened)) as pool:
        list(pool.map(write, range(len(opened))))
    assert _online(uri, online) == (CLOSE, dict.fromkeys(names(), float(len(rows) - 1)))


def test_times_are_read_where_another_library_converts_timestamps(uri, monkeypatch):
    from feature_repo.online import materialize

    materialize(uri, LAST)
    monkeypatch.setitem(
        sqlite3.converters, "TIMESTAMP", lambda s: datetime.fromisoformat(s.decode())
    )
    assert materialize(uri, LAST) == {"SPX": CLOSE}


def test_a_folder_that_cannot_be_written_is_an_unavailable_store(uri):
    from feature_repo.online import materialize

    (Path(uri) / "feast").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        materialize(uri, LAST)


def test_times_are_the_same_in_every_zone(uri, online, zone):
    from feature_repo.online import materialize

    zone.setenv("TZ", "America/New_York")
    time.tzset()
    materialize(uri, LAST, online=online)
    zone.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert _online(uri, online)[0] == CLOSE


def test_a_password_is_used_and_never_written_down(uri, tmp_path):
    from feature_repo.online import materialize
    from feature_repo.opening import open_feature_store

    with redis_server(tmp_path, "hunter2") as server:
        assert materialize(uri, LAST, online=server.url) == {"SPX": CLOSE}
        wrong = SecretStr(server.url.get_secret_value().replace("hunter2", "swordfish"))
        with pytest.raises(StoreUnavailable, match="Authentication") as caught:
            materialize(uri, LAST, online=wrong)
        config = open_feature_store(uri, online=server.url).config
    assert "swordfish" not in str(caught.value)
    assert "hunter2" not in f"{config!r} {config.online_store!r}"
    files = [path for path in (Path(uri) / "feast").rglob("*") if path.is_file()]
    assert [path.suffix for path in files].count(".db") == 1
    assert not any(b"hunter2" in path.read_bytes() for path in files)


def test_each_online_store_has_a_registry_of_its_own_whatever_its_password(uri, tmp_path):
    from feature_repo.opening import open_feature_store

    urls = [None, *map(SecretStr, ("redis://:a@h/1", "redis://:b@h/1", "redis://:a@h/2"))]
    paths = [open_feature_store(uri, online=url).config.registry.path for url in urls]
    assert len(set(paths)) == 3
    assert paths[1] == paths[2]


def test_the_pipeline_step_fills_the_store_of_the_setting(uri, redis, monkeypatch):
    from components import COMPONENTS

    monkeypatch.setenv("VOLCAST_ONLINE_STORE", redis.url.get_secret_value())
    with contextlib.closing(redis.client()) as client:
        client.flushall()
    COMPONENTS["materialize"].python_func(
        uri, LAST.isoformat(), Universe(target="SPX").model_dump_json()
    )
    assert _online(uri, redis.url)[0] == CLOSE
    assert not (Path(uri) / "feast" / "online.db").exists()


def test_a_store_that_went_away_fails_at_once_and_is_used_again_when_back(uri, tmp_path):
    from feature_repo.online import materialize
    from serving.lookup import OnlineFeatures

    with redis_server(tmp_path) as server:
        materialize(uri, LAST, online=server.url)
        features = OnlineFeatures(uri, server.url)
        before = features.newest("SPX")
        assert before is not None
        server.stop()
        server.start()
        materialize(uri, LAST, online=server.url)
        assert features.newest("SPX") == before, "a restart between two look-ups shows"
        server.stop()
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="ConnectionError"):
                features.newest("SPX")
            assert time.monotonic() - began < 15
        with pytest.raises(StoreUnavailable, match="port"):
            materialize(uri, LAST, online=server.url)
        server.start()
        assert features.newest("SPX") is None
        materialize(uri, LAST, online=server.url)
        assert features.newest("SPX") == before


@pytest.mark.parametrize("form", ["redis://{}/0", "dynamodb://eu-west-1?endpoint=http://{}"])
def test_a_server_that_never_answers_is_given_up_soon(uri, form, monkeypatch):
    from serving.lookup import OnlineFeatures

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-no-worth")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        features = OnlineFeatures(
            uri, SecretStr(form.format(f"127.0.0.1:{silent.getsockname()[1]}"))
        )
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match=r"[Tt]imeout|timed out"):
                features.newest("SPX")
            took = time.monotonic() - began
    assert 0.9 < took < 15
