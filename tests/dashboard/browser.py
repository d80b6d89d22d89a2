"""A real browser on the page of a real process, and what it saw."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.browser import browser, browser_binary
from tests.monitoring.monitored import running
from tests.s3_server import free_ports

__all__ = ["chromium", "dashboard", "visiting"]


@contextlib.contextmanager
def dashboard(uri: str, log: Path) -> Iterator[str]:
    """Run the dashboard on a store until the block ends; yield its address."""
    port = free_ports(1)[0]
    command = [sys.executable, "-W", "error::FutureWarning", "-m", "serving.dashboard"]
    with running([*command, "--store", uri, "--port", str(port)], port, log) as process:
        yield f"http://{process.address}"
    text = log.read_text()
    for word in ("Traceback", "Warning", "deprecat", "WARNING", "ERROR"):
        assert word not in text, text[-3000:]


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Run a browser until the block ends; skip the test where there is none."""
    binary = browser_binary()
    if binary is None:
        pytest.skip("no chromium on this machine")
    with browser(binary) as running:
        yield running


@contextlib.contextmanager
def visiting(running: Any, address: str, **options: object) -> Iterator[Any]:
    """Open the page in a context of its own; yield it.

    Leaving it, no console error, no page error and no request but the page's may have been.
    """
    context = running.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
    page = context.new_page()
    page.set_default_timeout(60_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text))
    page.on(
        "request",
        lambda request: None if request.is_navigation_request() else faults.append(request.url),
    )
    try:
        page.goto(address)
        yield page
        assert not [fault for fault in faults if not fault.startswith("data:")]
    finally:
        context.close()
