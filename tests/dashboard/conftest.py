"""One browser and one full store for all tests of the page."""

from collections.abc import Iterator

import pytest

from tests.dashboard.browser import chromium, dashboard
from tests.dashboard.stores import published, whole
from volcast.store import Store


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Run a browser for a module: while Playwright runs, no other test may run an event loop."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the dashboard on a store with forecasts of SPY, all there, and of QQQ; its address."""
    folder = tmp_path_factory.mktemp("dashboard")
    store = whole(Store.open(str(folder / "store")))
    published(store, "QQQ", last=0.222)
    with dashboard(store.uri, folder / "log") as address:
        yield address
