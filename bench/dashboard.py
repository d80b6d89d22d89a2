"""How long the page takes in a browser: from the start of navigation until it is drawn."""

import statistics
import time
from typing import Any

from bench.browser import browser, browser_binary, dashboard_of
from bench.goal import Goal
from bench.stopwatch import Stopwatch

__all__ = ["measure_page"]

_VISITS = 5


def measure_page(store: str, timed: Stopwatch) -> dict[str, object]:
    """Visit the page of a complete store, each time with an empty browser profile; the goal."""
    binary = browser_binary()
    if binary is None:
        return {"page": "not measured: no chromium"}
    start = time.perf_counter()
    with dashboard_of(store) as address, browser(binary) as chromium:
        ready = 1000 * (time.perf_counter() - start)
        first = _visit(chromium, address)
        later = statistics.median(_visit(chromium, address) for _ in range(_VISITS))
        spans = [_visit(chromium, f"{address}/?span={span}") for span in ("3m", "5y", "all")]
    timed.milliseconds |= {
        "page: start of the process": round(ready, 1),
        "page: first visit of a fresh process": round(first, 1),
        "page: later visits": round(later, 1),
        "page: another span, the slowest": round(max(spans), 1),
    }
    goal = Goal("page of twenty years, milliseconds", later, "<", 2000)
    return {f"{goal.what} < {goal.bound:.0f}": goal.verdict}


def _visit(chromium: Any, address: str) -> float:
    """Return the milliseconds until the page has been painted whole."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="load")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    took = 1000 * (time.perf_counter() - start)
    context.close()
    return took
