"""What one kind of work does to another, to a small machine, and to memory over time."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from bench.serving.load import Load, closed_loop, open_loop
from bench.serving.measure import Plan
from bench.serving.requests import Case
from bench.serving.servers import Running

__all__ = ["Growth", "Isolation", "growth", "isolation", "pinned"]

_SLICE_SECONDS = 5.0
_AT_EACH_END = 5
_PAUSE = 0.003


@dataclass(frozen=True)
class Isolation:
    """p99 of a forecast, in milliseconds: alone, and while reasons are computed."""

    idle_ms: float
    explaining_ms: float

    @property
    def ratio(self) -> float:
        """How many times longer."""
        return self.explaining_ms / self.idle_ms


def isolation(server: Running, predict: Case, explain: Case, plan: Plan) -> Isolation:
    """Measure one connection of forecasts with and without another of explanations.

    Forecasts are requested every few milliseconds: without a pause this process and the server's
    two threads would need more than two cores, and the wait for a core would be measured.
    """

    async def alone() -> Load:
        seconds, pause = plan.seconds, _PAUSE
        return await closed_loop(server.port, predict.requests, 1, seconds, pause=pause)

    async def both() -> Load:
        explaining = asyncio.create_task(
            closed_loop(server.port, explain.requests, 1, plan.seconds)
        )
        load = await alone()
        await explaining
        return load

    idle, busy = [], []
    for _ in range(plan.rounds):
        quiet = asyncio.run(alone())
        idle.append(quiet.milliseconds(0.99))
        busy.append(asyncio.run(both()).milliseconds(0.99))
    return Isolation(median(idle), median(busy))


def pinned(server: Running, case: Case, rate: float, seconds: float) -> Load:
    """Ask on a schedule, with every thread of the server on one core."""
    with server.on_one_core():
        return asyncio.run(open_loop(server.port, case.requests[0], rate, seconds))


@dataclass(frozen=True)
class Growth:
    """Resident memory over a mixed load: medians of five samples at either end, in megabytes.

    The first tenth of the samples is left out.
    """

    minutes: float
    first_mb: float
    last_mb: float
    requests: int

    @property
    def share(self) -> float:
        """Growth, 0.05 for 5 %."""
        return self.last_mb / self.first_mb - 1


def growth(server: Running, cases: Mapping[str, Case], minutes: float) -> Growth:
    """Ask in every way at once for so long, and look at the memory every few seconds."""
    mix = [one for case in cases.values() for one in case.requests[:8]]
    length = min(_SLICE_SECONDS, 60 * minutes / (3 * _AT_EACH_END))
    started, samples, requests = time.monotonic(), [], 0
    while time.monotonic() - started < 60 * minutes:
        requests += asyncio.run(closed_loop(server.port, mix, 8, length)).answers
        samples.append(server.rss_megabytes())
    counted = samples[len(samples) // 10 :]
    first, last = median(counted[:_AT_EACH_END]), median(counted[-_AT_EACH_END:])
    return Growth(minutes, first, last, requests)
