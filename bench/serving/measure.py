"""Cases measured in turn, in short rounds, so that the machine's noise hits all alike."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from bench.serving.load import closed_loop
from bench.serving.requests import Case
from bench.serving.servers import Running

__all__ = ["Measured", "Plan", "interleaved"]

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Plan:
    """Each case is measured once a round for so many seconds; the median of the rounds counts."""

    rounds: int
    seconds: float


@dataclass(frozen=True)
class Measured:
    """One case under one load: medians over rounds.

    Server CPU of one request, requests a second, latencies p50, p95 and p99, and the requests of
    all rounds.
    """

    cpu_ms: float
    rate: float
    latency_ms: Mapping[str, float]
    requests: int

    @property
    def per_cpu_second(self) -> float:
        """Requests a second of server CPU."""
        return 1000 / self.cpu_ms


def interleaved(
    servers: Mapping[str, Running], cases: Mapping[str, Case], connections: int, plan: Plan
) -> dict[str, Measured]:
    """Measure each case under a closed loop of ``connections``; a warm-up round does not count."""
    measured: dict[str, list[Measured]] = {name: [] for name in cases}
    for turn in range(plan.rounds + 1):
        for name, case in cases.items():
            seconds = plan.seconds if turn else plan.seconds / 4
            one = _once(servers[case.server], case, connections, seconds)
            if turn:
                measured[name].append(one)
    return {name: _median(rounds) for name, rounds in measured.items()}


def _once(server: Running, case: Case, connections: int, seconds: float) -> Measured:
    before = server.cpu_seconds()
    load = asyncio.run(closed_loop(server.port, case.requests, connections, seconds))
    spent = server.cpu_seconds() - before
    latency = {name: load.milliseconds(q) for name, q in _QUANTILES.items()}
    return Measured(1000 * spent / load.answers, load.rate, latency, load.answers)


def _median(rounds: list[Measured]) -> Measured:
    return Measured(
        median(one.cpu_ms for one in rounds),
        median(one.rate for one in rounds),
        {name: median(one.latency_ms[name] for one in rounds) for name in _QUANTILES},
        sum(one.requests for one in rounds),
    )
