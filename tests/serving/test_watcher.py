from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from serving.lookup import OnlineFeatures
from serving.state import VolcastModel
from serving.watcher import ModelWatcher
from tests.misbehaving_s3 import cut, opened
from tests.serving.live import AUDIT, POINTER, READINESS, SYMBOL, Running, Served, train_version
from volcast import registry
from volcast.core.errors import StoreUnavailable
from volcast.core.settings import SYNTHETIC_UNIVERSE as UNIVERSE
from volcast.store import Store


@pytest.fixture(scope="session")
def challenger(server: Running) -> str:
    return train_version(server.served.store, server.served.as_of, seed=8)


@pytest.fixture
def original(server: Running) -> Iterator[registry.Version]:
    """The champion, which is put back afterwards, whatever the test did."""
    store = server.served.store
    version = registry.champion_pointer(store, SYMBOL)
    files = {key: store.objects.get(key) for key in (f"{version.uri}model.ubj", POINTER)}
    yield version
    for key, content in files.items():
        store.objects.put(key, content)
    server.eventually(lambda: server.answer()["model"]["version"] == version.version)


def test_server_without_a_champion_starts_and_is_not_ready(server: Running):
    assert [server.at_first[path].status_code for path in READINESS] == [503, 503, 503]
    assert '"event": "no_champion"' in server.log.read_text()
    answer = server.at_first["/predict?symbol=SYN"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["title"]) == (503, "No model ready")
    assert [server.http.get(path).status_code for path in READINESS] == [200, 200, 200]


def test_promoted_version_is_served_without_a_restart(
    server: Running, challenger: str, original: registry.Version
):
    swaps = server.metrics()["volcast_model_swaps_total"]
    registry.promote(server.served.store, challenger, **AUDIT)
    server.eventually(lambda: server.answer()["model"]["version"] == challenger)
    assert challenger != original.version
    assert server.metrics()["volcast_model_swaps_total"] == swaps + 1


def test_altered_version_is_refused_and_the_old_one_stays(
    server: Running, challenger: str, original: registry.Version
):
    objects = server.served.store.objects
    pointer = objects.get(POINTER)
    registry.promote(server.served.store, challenger, **AUDIT)
    server.eventually(lambda: server.answer()["model"]["version"] == challenger)
    refused = server.metrics()["volcast_model_refused_total"]
    objects.put(f"{original.uri}model.ubj", b"another model")
    objects.put(POINTER, pointer)
    server.eventually(lambda: server.metrics()["volcast_model_refused_total"] > refused)
    assert server.answer()["model"]["version"] == challenger
    assert server.http.get(READINESS[0]).status_code == 200


def watcher_of(served: Served, store: Store) -> ModelWatcher:
    features = OnlineFeatures(str(served.folder))
    clock = iter(AUDIT["when"] + timedelta(seconds=second) for second in range(100))
    return ModelWatcher(
        store, VolcastModel(), features, UNIVERSE, lambda: next(clock), served.as_of, seconds=1
    )


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("champion_pointer", RuntimeError("unforeseen")),
        ("forecast_symbols", KeyError("unforeseen")),
        ("resolve_as_of", StoreUnavailable(found="", expected="", where="", remedy="")),
        ("compiled", ZeroDivisionError()),
    ],
)
def test_a_look_that_fails_is_counted_and_what_was_served_stays(
    served: Served, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception
):
    def fail(*_: object, **__: object) -> None:
        raise error

    watcher = watcher_of(served, served.store)
    with monkeypatch.context() as patch:
        patch.setattr(f"serving.watcher.{part}", fail)
        watcher.check()
    assert bool(watcher.model.ready) is (part not in ("champion_pointer", "compiled"))
    watcher.check()
    whole, errors = counted("volcast_follow_timestamp_seconds"), "volcast_follow_errors_total"
    before, state = counted(errors), watcher.model.state
    assert watcher.model.ready
    assert dict(state.sessions) == {SYMBOL: served.as_of}
    with monkeypatch.context() as patch:
        patch.setattr(f"serving.watcher.{part}", fail)
        watcher.check()
    failures = 0 if part == "compiled" else 1  # the champion that is served is not loaded again
    assert counted(errors) == before + failures
    assert (counted("volcast_follow_timestamp_seconds") == whole) is bool(failures)
    assert watcher.model.state.same_as(state)


def test_a_look_at_a_store_whose_answers_break_off_fails_and_the_next_serves(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    broken = [True]

    def answer(request: object) -> object:
        return broken[0] and cut("short")(request)

    with opened(monkeypatch, answer) as (store, bucket):
        objects = served.store.objects
        bucket.objects |= {key: objects.get(key) for key in objects.list("")}
        watcher = watcher_of(served, store)
        watcher.check()
        assert not watcher.model.ready
        broken[0] = False
        watcher.check()
        assert watcher.model.ready
        broken[0] = True
        watcher.check()
        assert watcher.model.ready
        assert dict(watcher.model.state.sessions) == {SYMBOL: served.as_of}


def test_an_online_store_that_was_emptied_leaves_the_last_row_stale(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    watcher = watcher_of(served, served.store)
    watcher.check()
    row = watcher.model.state.features[SYMBOL]
    assert row is not None
    assert row.confirmed
    with monkeypatch.context() as patch:
        patch.setattr(watcher.features, "newest", lambda _: None)
        watcher.check()
    assert watcher.model.state.features[SYMBOL] == replace(row, confirmed=False)
    watcher.check()
    assert watcher.model.state.features[SYMBOL] == row
