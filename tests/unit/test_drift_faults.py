"""Missing, frozen and impossible values in the newest sessions."""

from dataclasses import replace

import numpy as np
import pytest

from volcast.monitoring.drift.evidence import data_faults
from volcast.monitoring.drift.panel import RECENT, Panel

ROWS = np.random.default_rng(2).normal(size=(2000 + RECENT, 3))
SOUND = Panel(names=("a", "b", "c"), iv=None, reference=ROWS[:2000], recent=ROWS[2000:])
TOP, WIDTH = SOUND.reference[:, 0].max(), np.ptp(SOUND.reference[:, 0])


def fired(laid: Panel) -> list[tuple[str, str]]:
    return [(f.subject, f.test) for f in data_faults(laid) if f.fired]


def changed(column: int, last: int, value: float) -> Panel:
    recent = SOUND.recent.copy()
    recent[-last:, column] = value
    return replace(SOUND, recent=recent)


@pytest.mark.parametrize(
    ("laid", "expected"),
    [
        (SOUND, []),
        (changed(1, 1, np.nan), []),
        (changed(1, 2, np.nan), [("b", "missing")]),
        (changed(2, RECENT, np.nan), [("c", "missing")]),
        (changed(0, 4, 0.5), []),
        (changed(0, 5, 0.5), [("a", "frozen")]),
        (changed(0, 1, TOP + 1.99 * WIDTH), []),
        (changed(0, 1, TOP + 2.01 * WIDTH), [("a", "beyond")]),
    ],
)
def test_faults_are_two_missing_five_equal_and_values_two_ranges_outside(
    laid: Panel, expected: list[tuple[str, str]]
) -> None:
    assert fired(laid) == expected


def test_a_value_that_often_repeated_in_the_reference_may_again() -> None:
    reference = SOUND.reference.copy()
    reference[100:120, 0] = 0.5
    assert fired(replace(changed(0, 10, 0.5), reference=reference)) == []


def test_a_value_in_other_units_is_outside_of_all_history() -> None:
    recent = SOUND.recent.copy()
    recent[-3:, 2] *= 100
    assert fired(replace(SOUND, recent=recent)) == [("c", "beyond")]
