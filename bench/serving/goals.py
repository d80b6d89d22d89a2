"""What the server must reach, and whether it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.goal import Goal
from bench.serving.measure import Measured
from bench.serving.requests import GET, POST, V2, V2_BINARY
from bench.serving.servers import FASTAPI, KSERVE, MLSERVER, OURS
from bench.serving.steadiness import Growth, Isolation
from bench.serving.swaps import Swapped

__all__ = ["SWAPS", "Results", "goals"]

SWAPS = 20

_EXPLAIN = {1: 2, 100: 12, 1000: 12}
"""How many times less CPU an explanation costs, by its rows."""

_MANY_ROWS = {V2: 1.2, V2_BINARY: 4}
"""How many times more requests with many rows a CPU second answers, by their encoding."""

Cases = Mapping[str, Measured]


@dataclass(frozen=True)
class Results:
    """Everything one run measured.

    ``one_row`` is by connections, ``many_rows`` and ``explain`` by rows in a request, ``isolation``
    and ``memory_mb`` by server; ``growth`` is None if no time was given to it. ``start_seconds`` is
    from a process to its first forecast.
    """

    one_row: Mapping[int, Cases]
    many_rows: Mapping[int, Cases]
    explain: Mapping[int, Cases]
    isolation: Mapping[str, Isolation]
    pinned_p95_ms: float
    swapped: Swapped
    growth: Growth | None
    memory_mb: Mapping[str, float]
    start_seconds: float


def goals(results: Results) -> list[Goal]:
    """Return every goal; one that is measured at several concurrencies is judged at its worst."""
    return [
        *_predict(list(results.one_row.values())),
        *_v2(results),
        *(
            Goal(f"CPU of explaining {rows}: {KSERVE} over {OURS}", _cpu(cases, KSERVE, OURS),
                 ">=", _EXPLAIN[rows])
            for rows, cases in results.explain.items()
        ),
        Goal("p99 of POST while explaining 100 rows, over idle",
             results.isolation[OURS].ratio, "<=", 1.8),
        Goal("p95 at 20 requests a second on one core, ms", results.pinned_p95_ms, "<", 50),
        *_swaps(results.swapped),
        Goal("resident memory after all that, MB", results.memory_mb[OURS], "<=", 260),
        Goal("start to first forecast, compiled code kept, s", results.start_seconds, "<=", 2.5),
        *([] if results.growth is None else [_growth(results.growth)]),
    ]  # fmt: skip


def _predict(runs: Sequence[Cases]) -> list[Goal]:
    return [
        Goal(f"CPU: {way} over {rival}",
             max(_cpu(cases, way, rival) for cases in runs), "<=", bound)
        for way in (POST, GET)
        for rival, bound in ((KSERVE, 0.2), (FASTAPI, 1 / 3))
    ]  # fmt: skip


def _v2(results: Results) -> list[Goal]:
    one = min(_cpu(cases, MLSERVER, V2) for cases in results.one_row.values())
    verdicts = [Goal(f"V2 requests per CPU second, 1 row: {OURS} over {MLSERVER}", one, ">=", 2)]
    for rows, cases in results.many_rows.items():
        for way, bound in _MANY_ROWS.items():
            what = f"V2 requests per CPU second, {rows} rows: {way} over {MLSERVER}"
            verdicts.append(Goal(what, _cpu(cases, MLSERVER, way), ">=", bound))
    return verdicts


def _swaps(swapped: Swapped) -> list[Goal]:
    return [
        Goal("champions swapped under load", swapped.swaps, ">=", SWAPS),
        Goal("errors while champions are swapped", len(swapped.errors), "<=", 0),
        Goal("mixed answers while champions are swapped", swapped.mixed, "<=", 0),
    ]


def _growth(growth: Growth) -> Goal:
    return Goal(f"growth of memory over {growth.minutes:g} minutes", growth.share, "<=", 0.05)


def _cpu(cases: Cases, one: str, other: str) -> float:
    return cases[one].cpu_ms / cases[other].cpu_ms
