from collections.abc import Iterator

import pytest

from tests.serving.live import AUDIT, POINTER, READINESS, Running, train_version
from volcast import registry


@pytest.fixture(scope="session")
def challenger(server: Running) -> str:
    return train_version(server.served.store, server.served.as_of, seed=8)


@pytest.fixture
def original(server: Running) -> Iterator[registry.Version]:
    """The champion, which is put back afterwards, whatever the test did."""
    store = server.served.store
    version = registry.champion_pointer(store)
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
