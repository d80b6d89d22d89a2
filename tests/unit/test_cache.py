"""The cache of fits: each computed once, concurrent writers merged."""

import json
from pathlib import Path

import pytest

from volcast.core.errors import CorruptFile
from volcast.store.cache import get_or_fit


def test_only_what_is_missing_is_fitted(store):
    calls = []

    def fit(missing):
        calls.append(list(missing))
        return [{"of": key} for key in missing]

    assert get_or_fit(store, "kind/SYN", ["a", "b"], fit) == {"a": {"of": "a"}, "b": {"of": "b"}}
    assert list(get_or_fit(store, "kind/SYN", ["b", "c", "c"], fit)) == ["b", "c"]
    assert calls == [["a", "b"], ["c"]]


def test_concurrent_writers_keep_both_fits(store):
    def fit(missing):
        get_or_fit(store, "kind/SYN", ["other"], lambda _: [{"n": 2}])
        return [{"n": 1} for _ in missing]

    assert get_or_fit(store, "kind/SYN", ["mine"], fit) == {"mine": {"n": 1}}
    assert sorted(json.loads(store.objects.get("fits/kind/SYN.json"))) == ["mine", "other"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": '])
def test_a_file_without_a_map_is_corrupt(store, content):
    store.objects.put("fits/kind/SYN.json", content)
    with pytest.raises(CorruptFile):
        get_or_fit(store, "kind/SYN", ["a"], lambda _: [{}])


def test_a_failed_fit_stores_nothing(store):
    def fit(missing):
        yield {"n": len(missing)}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        get_or_fit(store, "kind/SYN", ["a", "b"], fit)
    assert store.objects.get_or_none("fits/kind/SYN.json") is None


def test_a_store_that_cannot_be_written_only_costs_the_fit(store):
    store.objects.put("universe.json", b"{}")
    (Path(store.uri) / "fits").write_bytes(b"")
    for _ in range(2):
        assert get_or_fit(store, "kind/SYN", ["a"], lambda _: [{"n": 1}]) == {"a": {"n": 1}}
