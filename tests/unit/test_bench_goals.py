"""The goals of the benchmarks: which are met and which are missed."""

from dataclasses import replace

import pytest

from bench.drift.tables import goals as of_drift
from bench.goal import Goal
from bench.growth import exponent
from bench.serving.goals import Results, goals
from bench.serving.measure import Measured
from bench.serving.requests import GET, POST, V1, V2, V2_BINARY
from bench.serving.servers import FASTAPI, KSERVE, MLSERVER, OURS
from bench.serving.steadiness import Growth, Isolation
from bench.serving.swaps import Swapped


def cpu(**milliseconds: float) -> dict[str, Measured]:
    names = {"get": GET, "post": POST, "v1": V1, "v2": V2, "ours": OURS, "binary": V2_BINARY}
    names |= {"kserve": KSERVE, "fastapi": FASTAPI, "mlserver": MLSERVER}
    latency = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    return {names[n]: Measured(ms, 100.0, latency, 500) for n, ms in milliseconds.items()}


ONE_ROW = cpu(get=0.08, post=0.09, v1=0.1, v2=0.2, kserve=0.5, fastapi=0.3, mlserver=0.5)
GOOD = Results(
    one_row={1: ONE_ROW, 8: ONE_ROW},
    many_rows={1000: cpu(v2=2.0, binary=0.6, mlserver=2.5)},
    explain={1: cpu(ours=0.4, kserve=0.8), 100: cpu(ours=1.0, kserve=12.0)},
    isolation={OURS: Isolation(1.0, 1.7), KSERVE: Isolation(1.0, 30.0)},
    pinned_p95_ms=4.0,
    swapped=Swapped(20, 9000, 0, []),
    growth=Growth(10.0, 200.0, 209.0, 100_000),
    memory_mb={OURS: 200.0},
    start_seconds=2.0,
)

MISSED = [
    ({"one_row": {1: ONE_ROW, 8: ONE_ROW | cpu(post=0.11)}}, 2),
    ({"one_row": {1: ONE_ROW | cpu(mlserver=0.39), 8: ONE_ROW}}, 1),
    ({"one_row": {1: ONE_ROW, 8: ONE_ROW | cpu(kserve=0.41)}}, 1),
    ({"many_rows": {1000: cpu(v2=2.1, binary=0.63, mlserver=2.5)}}, 2),
    ({"explain": {1: cpu(ours=0.4, kserve=0.79), 100: cpu(ours=1.0, kserve=11.9)}}, 2),
    ({"isolation": {OURS: Isolation(1.0, 1.81)}}, 1),
    ({"start_seconds": 2.6}, 1),
    ({"pinned_p95_ms": 50.0}, 1),
    ({"swapped": Swapped(20, 9000, 1, [])}, 1),
    ({"swapped": Swapped(3, 900, 0, ["not a 200"])}, 2),
    ({"growth": Growth(10.0, 200.0, 210.1, 100_000)}, 1),
    ({"memory_mb": {OURS: 260.5}}, 1),
]


def test_a_good_run_meets_every_goal() -> None:
    assert {goal.verdict for goal in goals(GOOD)} == {"met"}


@pytest.mark.parametrize(("changed", "missed"), MISSED)
def test_only_the_missed_goals_are_not_met(changed: dict, missed: int) -> None:
    verdicts = [goal.verdict for goal in goals(replace(GOOD, **changed))]
    assert verdicts.count("not met") == missed


@pytest.mark.parametrize(("power", "verdict"), [(1.0, "met"), (1.09, "met"), (1.2, "not met")])
def test_growth_is_judged_by_the_number_of_assets(power: float, verdict: str) -> None:
    # Three symbols are indices; one symbol is below the span that is fitted.
    measured = {n: {"labels": {"cpu_seconds": max(n - 3, 9) ** power}} for n in (1, 13, 103)}
    value = exponent(measured, "labels")
    assert value == pytest.approx(power, abs=0.01)
    assert Goal("labels", value, "<=", 1.1).verdict == verdict


def test_nan_meets_no_goal() -> None:
    for sign in ("<=", "<", ">="):
        assert not Goal("", float("nan"), sign, 1.0).met


def test_memory_is_not_judged_when_no_time_was_given_to_it() -> None:
    assert len(list(goals(replace(GOOD, growth=None)))) == len(list(goals(GOOD))) - 1


def test_the_drift_check_is_judged_at_its_worst_market() -> None:
    market = {
        "false_verdicts": {"ks_level/60": 0.05, "ks_scale/60": 0.1},
        "false_alarm_months": 0.05,
        "power": {"scale 2, 5 of 35": {"60": 0.9, "250": 1.0}},
    }
    cost = {"calibration_seconds": 1.0, "check_seconds": 0.2, "ratio": 1.25}
    results = {"markets": {"a": market, "b": market}, "cost": cost}
    assert [goal.met for goal in of_drift(results)] == [True] * 5
    worse = market | {"false_verdicts": {"ks_level/60": 0.101}, "false_alarm_months": 0.051}
    worse["power"] = {}
    slow = {"calibration_seconds": 4.8, "check_seconds": 0.2, "ratio": 1.26}
    results = {"markets": {"a": market, "b": worse}, "cost": slow}
    assert [goal.met for goal in of_drift(results)] == [False] * 5
