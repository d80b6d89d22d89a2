"""From evidence to a state, and from states to one alert a cause."""

import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from volcast.core import calendar
from volcast.monitoring.drift.calibration import upper_tenth
from volcast.monitoring.drift.evidence import Finding, Score
from volcast.monitoring.drift.report import decide_state, opens_alert

DAY = date(2020, 3, 20)


def level(fired: int, of: int = 10) -> list[Finding]:
    return [
        Finding(f"f{i}", "ks_level", 20, 20, 2500, 0.9 if i < fired else 0.1, 0.5)
        for i in range(of)
    ]


CALM = [Score("given_vix", 0.4, 0.0), Score("scale", 0.9, 0.1)]


UNKNOWN = [Finding(f"f{i}", "ks_level", 20, 3, 2500, None, 0.5) for i in range(10)]


@pytest.mark.parametrize(
    ("tests", "missing", "scores", "state", "share"),
    [
        (level(1), 0, CALM, "ok", 0.1),
        (level(2), 0, CALM, "regime-shift", 0.2),
        (level(5), 0, [*CALM, Score("given_vix", 1.3, 0.4)], "drift", 0.4),
        (level(5), 0, [*CALM, Score("scale", 1.3, 0.4)], "drift", 0.4),
        (level(9), 2, [Score("scale", 9.0, 1.0)], "data-fault", 1.0),
        (UNKNOWN, 0, CALM, "not-run", 0.0),
        (level(0), 0, CALM[:1], "not-run", 0.0),
        ([], 0, CALM, "not-run", 0.0),
    ],
)
def test_faults_come_before_drift_and_drift_before_a_regime_shift(
    tests: list[Finding], missing: int, scores: list[Score], state: str, share: float
) -> None:
    faults = [Finding("vix", "missing", 5, 3, 2500, missing, 1.0)]
    report = decide_state(tests, faults, scores)
    assert (report.state, report.share) == (state, share)


def test_a_statistic_without_a_value_fires_nothing() -> None:
    assert not UNKNOWN[0].fired


@pytest.mark.parametrize("state", ["ok", "regime-shift"])
def test_a_sound_state_opens_no_alert(state: str) -> None:
    assert not opens_alert(state, DAY, {})


@pytest.mark.parametrize("state", ["drift", "data-fault", "not-run"])
def test_an_alarming_state_opens_one_alert_however_long_it_lasts(state: str) -> None:
    days = calendar.sessions(date(2020, 1, 2), date(2020, 12, 31))
    states: dict[date, str] = {}
    opened = []
    for position, day in enumerate(days):
        now = state if 50 <= position < 130 or position == 135 else "ok"
        if opens_alert(now, day, states):
            opened.append(position)
        states[day] = now
    assert opened == [50]


def test_a_state_that_returns_after_a_month_is_a_new_cause() -> None:
    before = {calendar.after(DAY, -21): "drift"}
    assert opens_alert("drift", DAY, before)
    assert not opens_alert("drift", DAY, {calendar.after(DAY, -20): "drift"})


def test_an_alarm_of_another_state_is_a_new_cause() -> None:
    assert opens_alert("drift", DAY, {calendar.after(DAY, -1): "data-fault"})


@pytest.mark.parametrize(("count", "expected"), [(35, 32.0), (10, 10.0), (1, 1.0), (11, 10.0)])
def test_a_tenth_of_the_features_is_rounded_up(count: int, expected: float) -> None:
    assert upper_tenth(np.random.default_rng(1).permutation(count) + 1.0) == expected


def test_the_check_is_imported_where_the_settings_cannot_be() -> None:
    """The environment of the detectors has pydantic 1."""
    code = """
import sys
sys.modules["volcast.core.settings"] = None
import volcast.monitoring.drift.__main__
"""
    subprocess.run([sys.executable, "-c", code], check=True)
