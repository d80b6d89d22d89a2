"""A browser for what is measured or pictured in one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["CHARTS", "DRAWN", "browser", "browser_binary"]

CHARTS = 4
"""Charts on the page of a store that lacks nothing."""

DRAWN = "document.querySelectorAll('[data-testid=stVegaLiteChart] :is(svg, canvas).marks').length"
"""In the page's own language: how many of them are drawn."""

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def browser_binary() -> str | None:
    """Return where Chromium is; None if it is not on this machine."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser(binary: str) -> Iterator[Any]:
    """Run a Chromium without a window until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=binary, args=list(_FLAGS))
        try:
            yield running
        finally:
            running.close()
