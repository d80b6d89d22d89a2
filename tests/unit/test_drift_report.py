"""From evidence to a state, and from states to one alert a cause."""

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


def missing(count: float) -> list[Finding]:
    return [Finding("vix", "missing", 5, 3, 2500, count, 1.0)]


CALM = [Score("given_vix", 0.4, 0.0), Score("scale", 0.9, 0.1)]


def test_nothing_unusual_is_ok() -> None:
    assert decide_state(level(1), missing(0), CALM).state == "ok"


def test_unusual_levels_in_a_fifth_of_the_features_are_a_market_that_turned() -> None:
    assert decide_state(level(2), missing(0), CALM).state == "regime-shift"


@pytest.mark.parametrize("kind", ["given_vix", "scale"])
def test_what_vix_does_not_explain_is_drift_whatever_the_market_does(kind: str) -> None:
    report = decide_state(level(5), missing(0), [*CALM, Score(kind, 1.3, 0.4)])
    assert (report.state, report.share) == ("drift", 0.4)
    assert "1.30 of the bar" in report.detail


def test_a_fault_of_the_data_is_named_before_any_drift() -> None:
    report = decide_state(level(9), missing(2), [Score("scale", 9.0, 1.0)])
    assert report.state == "data-fault"
    assert "vix missing in 2" in report.detail


def test_too_few_known_values_are_not_ok() -> None:
    unknown = [Finding(f"f{i}", "ks_level", 20, 3, 2500, None, 0.5) for i in range(10)]
    assert decide_state(unknown, missing(0), CALM).state == "not-run"
    assert decide_state(level(0), missing(0), [Score("given_vix", 0.4, 0.0)]).state == "not-run"
    assert decide_state([], missing(0), CALM).state == "not-run"


def test_a_statistic_that_is_not_known_fires_nothing() -> None:
    assert not Finding("a", "ks_level", 20, 3, 2500, None, 0.5).fired


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


def test_one_alarm_does_not_hide_another() -> None:
    assert opens_alert("drift", DAY, {calendar.after(DAY, -1): "data-fault"})


@pytest.mark.parametrize(("count", "expected"), [(35, 32.0), (10, 10.0), (1, 1.0), (11, 10.0)])
def test_a_tenth_of_the_features_is_rounded_up(count: int, expected: float) -> None:
    assert upper_tenth(np.random.default_rng(1).permutation(count) + 1.0) == expected
