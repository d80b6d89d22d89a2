"""Missing, frozen and impossible values in the newest sessions."""

from dataclasses import replace

import numpy as np

from volcast.monitoring.drift.faults import data_faults
from volcast.monitoring.drift.panel import RECENT, Panel


def panel(**changes: object) -> Panel:
    rows = np.random.default_rng(2).normal(size=(2000 + RECENT, 3))
    laid = Panel(
        names=("a", "b", "c"),
        iv=None,
        reference=rows[:2000],
        recent=rows[2000:],
    )
    return replace(laid, **changes)


def fired(laid: Panel) -> list[tuple[str, str]]:
    return [(f.subject, f.test) for f in data_faults(laid) if f.fired]


def changed(column: int, rows: slice, value: object) -> Panel:
    recent = panel().recent.copy()
    recent[rows, column] = value
    return panel(recent=recent)


def test_sound_rows_have_no_fault() -> None:
    assert fired(panel()) == []


def test_one_missing_print_is_none_and_two_are() -> None:
    assert fired(changed(1, slice(-1, None), np.nan)) == []
    assert fired(changed(1, slice(-2, None), np.nan)) == [("b", "missing")]


def test_a_column_that_is_gone_is_missing_and_nothing_else() -> None:
    assert fired(changed(2, slice(None), np.nan)) == [("c", "missing")]


def test_a_value_that_stands_still_is_frozen() -> None:
    assert fired(changed(0, slice(-4, None), 0.5)) == []
    assert fired(changed(0, slice(-5, None), 0.5)) == [("a", "frozen")]


def test_a_value_that_often_stood_still_may_again() -> None:
    reference = panel().reference.copy()
    reference[100:120, 0] = 0.5
    laid = changed(0, slice(-10, None), 0.5)
    assert fired(replace(laid, reference=reference)) == []


def test_a_value_in_other_units_lies_outside_of_all_history() -> None:
    recent = panel().recent.copy()
    recent[-3:, 2] *= 100
    assert fired(panel(recent=recent)) == [("c", "beyond")]


def test_a_record_is_no_fault() -> None:
    top, low = panel().reference[:, 0].max(), panel().reference[:, 0].min()
    assert fired(changed(0, slice(-1, None), top + 1.99 * (top - low))) == []
    assert fired(changed(0, slice(-1, None), top + 2.01 * (top - low))) == [("a", "beyond")]
