"""Which runs go, and that nothing that is served or under way does."""

import json

import pytest

from tests.runs import put_run
from volcast import registry
from volcast.core.errors import CorruptFile
from volcast.registry.run_files import prune
from volcast.store import Store


def put(store: Store, run: str, as_of: str, *, whole: bool = True) -> None:
    put_run(store, run)
    store.objects.put(f"runs/{run}/lineage.json", json.dumps({"as_of": as_of}).encode())
    if whole:
        store.objects.put(f"runs/{run}/complete.json", b"{}")


def runs(store: Store) -> set[str]:
    return {key.split("/")[1] for key in store.objects.list("runs/")}


def test_the_newest_runs_stay_and_older_ones_go(store: Store) -> None:
    for run, as_of in (("c", "2020-01-02"), ("a", "2020-01-03"), ("b", "2020-01-06")):
        put(store, run, as_of)
    assert prune(store, 2) == ["c"]
    assert runs(store) == {"a", "b"}
    assert prune(store, 2) == []
    assert prune(store, 0) == ["a", "b"]
    assert runs(store) == set()


def test_a_run_that_became_a_version_stays_with_its_files(store: Store) -> None:
    put(store, "a", "2020-01-02")
    version = registry.register(store, "a")
    files = store.objects.list(version.uri)
    assert prune(store, 0) == []
    assert store.objects.list(version.uri) == files


def test_a_run_that_is_not_whole_stays(store: Store) -> None:
    put(store, "a", "2020-01-02", whole=False)
    assert prune(store, 0) == []
    assert runs(store) == {"a"}


def test_a_run_that_cannot_be_read_removes_nothing(store: Store) -> None:
    put(store, "a", "2020-01-02")
    put(store, "b", "2020-01-03")
    store.objects.put("runs/b/lineage.json", b"{")
    with pytest.raises(CorruptFile):
        prune(store, 0)
    assert runs(store) == {"a", "b"}
