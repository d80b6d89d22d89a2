"""One browser and one full store for all tests of the page, and pages as text."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.dashboard.app import application
from tests.dashboard.browser import chromium, dashboard
from tests.dashboard.stores import published, whole
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.store import Store


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Run a browser for a module: while Playwright runs, no other test may run an event loop."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def full_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store with forecasts of SPY, all there, and of QQQ."""
    store = whole(Store.open(str(tmp_path_factory.mktemp("dashboard") / "store")))
    published(store, "QQQ", last=0.222)
    return store


@pytest.fixture(scope="session")
def full(full_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the dashboard on that store; its address."""
    with dashboard(full_store.uri, tmp_path_factory.mktemp("dashboard-log") / "log") as address:
        yield address


@pytest.fixture
def look() -> Callable[..., str]:
    """Return the text of a store's page, once it is known to have so many charts."""

    def text_of(store: Store, charts: int, query: str = "", code: int = 200) -> str:
        answer = TestClient(application(store, SAMPLE_UNIVERSE)).get(f"/{query}")
        assert (answer.status_code, answer.text.count("<figure>")) == (code, charts)
        body = answer.text.partition("<body>")[2]
        return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", body)))

    return text_of
