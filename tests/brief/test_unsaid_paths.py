"""Whoever asks over the network is not told where the store is."""

import sys

import pytest
from starlette.testclient import TestClient

from serving.brief.app import application
from tests.brief.desk import NOW, SESSION, briefed
from volcast.brief import Library
from volcast.cli import main
from volcast.core.settings import Universe, read_settings
from volcast.store import Store
from volcast.store.universe import remember


def empty(store: Store) -> None:
    """Ingest nothing."""


def without_prices(store: Store) -> None:
    briefed(store)
    for key in store.objects.list("curated.market_daily/"):
        store.objects.delete(key)


def without_forecasts(store: Store) -> None:
    remember(store, Universe())


@pytest.mark.parametrize("made", [empty, without_prices, without_forecasts])
def test_a_brief_that_cannot_be_found_names_no_path_of_the_server(store: Store, made):
    made(store)
    library = Library.open(read_settings(store=store.uri), lambda: NOW)
    with TestClient(application(library, None, lambda: True)) as client:
        found = client.get("/daily-brief")
    assert found.status_code == 404
    detail = found.json()["detail"]
    assert store.uri not in detail
    assert "expected" in detail


def test_on_the_command_line_the_store_that_is_empty_is_named(store: Store, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["volcast", "brief", "--store", store.uri])
    with pytest.raises(SystemExit):
        main()
    said = " ".join(capsys.readouterr().err.split())
    assert f"{store.uri}: found an empty store" in said


def test_what_cannot_be_read_is_named_in_the_brief_without_its_path(store: Store):
    briefed(store)
    for key in store.objects.list("registry/volcast/3/"):
        store.objects.delete(key)
    library = Library.open(read_settings(store=store.uri), lambda: NOW)
    with TestClient(application(library, None, lambda: True)) as client:
        found = client.get("/daily-brief", params={"as_of": SESSION.isoformat()})
    assert found.status_code == 200
    assert store.uri not in found.text
