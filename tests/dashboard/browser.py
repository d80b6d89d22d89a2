"""A real browser on the page of a real process, and what it saw."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.browser import CHARTS, DRAWN, browser, browser_binary
from tests.monitoring.monitored import running
from tests.s3_server import free_ports

__all__ = ["CHARTS", "Visit", "chromium", "dashboard", "ready", "visiting"]


@dataclass
class Visit:
    """A page, and all that went wrong on it."""

    page: object
    faults: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)


@contextlib.contextmanager
def dashboard(uri: str, log: Path) -> Iterator[str]:
    """Run the dashboard on a store until the block ends; yield its address."""
    port = free_ports(1)[0]
    command = [sys.executable, "-W", "error::FutureWarning", "-m", "serving.dashboard"]
    with running([*command, "--store", uri, "--port", str(port)], port, log) as process:
        yield f"http://{process.address}"
    text = log.read_text()
    # What Streamlit or a library tells of itself, an old name or a fault, ends here.
    for word in ("Traceback", "Warning", "deprecat", "WARNING", "ERROR"):
        assert word not in text, text[-3000:]


@contextlib.contextmanager
def chromium() -> Iterator[object]:
    """Run a browser until the block ends; skip the test where there is none."""
    binary = browser_binary()
    if binary is None:
        pytest.skip("no chromium on this machine")
    with browser(binary) as running:
        yield running


@contextlib.contextmanager
def visiting(running: object, address: str, **options: object) -> Iterator[Visit]:
    """Open the page in a context of its own, and wait for its headline.

    Leaving it, no console error, no page error and no request beyond loopback may have been.
    """
    context = running.new_context(viewport={"width": 1280, "height": 900}, **options)
    page = context.new_page()
    page.set_default_timeout(60_000)
    visit = Visit(page)
    page.on("pageerror", lambda error: visit.faults.append(str(error)))
    page.on(
        "console",
        lambda line: visit.faults.append(line.text) if line.type in ("error", "warning") else None,
    )
    page.on("request", lambda request: _note(visit, request.url))
    try:
        page.goto(address)
        page.wait_for_selector("h1.v-headline")
        ready(page)
        yield visit
        assert not visit.beyond, visit.beyond
        assert not visit.faults, visit.faults
    finally:
        context.close()


def ready(page: object, charts: int | None = None) -> None:
    """Wait until the script has run, and so many charts are drawn."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    if charts is not None:
        page.wait_for_function(f"{DRAWN} == {charts}")


def _note(visit: Visit, url: str) -> None:
    if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
        visit.beyond.append(url)
