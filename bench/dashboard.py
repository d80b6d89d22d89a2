"""How long the page takes, against a Streamlit page with one heading, in one run.

From the start of navigation until the headline and every chart are drawn; each visit in an empty
browser profile.
"""

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.browser import CHARTS, DRAWN, browser, browser_binary
from bench.goal import Goal
from bench.stopwatch import Stopwatch

__all__ = ["measure_page"]

_ROOT = Path(__file__).parents[1]
_VISITS = 5
_PLAIN = (
    "--server.address=127.0.0.1",
    "--server.headless=true",
    "--server.fileWatcherType=none",
    "--browser.gatherUsageStats=false",
    "--client.toolbarMode=minimal",
)


def measure_page(store: str, timed: Stopwatch) -> dict[str, object]:
    """Visit the page of a complete store in turn with a bare one; return the ratio and the goal."""
    binary = browser_binary()
    if binary is None:
        return {"page": "not measured: no chromium"}
    with tempfile.TemporaryDirectory(prefix="volcast-bench-") as folder:
        script = Path(folder) / "bare.py"
        script.write_text("import streamlit as st\n\nst.title('bare')\n", encoding="utf-8")
        with (
            _up("serving.dashboard", "--store", store, "--port") as page,
            _up("streamlit", "run", str(script), *_PLAIN, "--server.port") as bare,
            browser(binary) as chromium,
        ):
            first = _visit(chromium, page, CHARTS)
            _visit(chromium, bare, 0)
            pairs = [
                (_visit(chromium, page, CHARTS), _visit(chromium, bare, 0)) for _ in range(_VISITS)
            ]
    whole, alone = (statistics.median(times) for times in zip(*pairs, strict=True))
    timed.milliseconds |= {
        "page: first visit of a fresh process": round(first, 1),
        "page: later visits": round(whole, 1),
        "page: Streamlit with one heading": round(alone, 1),
    }
    goal = Goal("page of twenty years, milliseconds", whole, "<", 2000)
    return {
        "page over a Streamlit page with one heading": round(whole / alone, 2),
        f"{goal.what} < {goal.bound:.0f}": goal.verdict,
    }


def _visit(chromium: Any, address: str, charts: int) -> float:
    """Return the milliseconds until all is there."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("h1")
    page.wait_for_function(f"{DRAWN} >= {charts}")
    took = 1000 * (time.perf_counter() - start)
    context.close()
    return took


@contextmanager
def _up(*command: str) -> Iterator[str]:
    """Run a module that listens on the port that its last argument names; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, str(port)], cwd=_ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}: {process.args!r}")
