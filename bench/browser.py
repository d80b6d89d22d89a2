"""The dashboard in a browser, for what is measured or pictured in one."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["browser", "browser_binary", "dashboard_of"]

_ROOT = Path(__file__).parents[1]
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


@contextmanager
def dashboard_of(store: str) -> Iterator[str]:
    """Run the dashboard of a store until the block ends; yield its address once it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.dashboard", "--store", store, "--port", str(port)],
        cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        else:
            raise ChildProcessError(f"the dashboard of {store} ended")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
