"""The join's row for a moment against a plain search through all rows, ties and nulls included."""

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=400)
"""No deadline, for the first example imports Feast."""


class Row(NamedTuple):
    event: int | None
    created: int | None


TIMES = st.none() | st.integers(-6, 6)
ROWS = st.lists(st.builds(Row, TIMES, TIMES), max_size=12)
MOMENTS = st.lists(TIMES, max_size=8)
TTLS = st.none() | st.integers(0, 7)


def _array(times: list[int | None]) -> np.ndarray:
    from feature_repo.join import NO_TIME

    return np.array([NO_TIME if time is None else time for time in times], dtype=np.int64)


def _searched(
    moment: int | None, rows: list[Row], ttl: int | None, known_only: bool, revised: bool
) -> int:
    best = -1
    for number, (event, created) in enumerate(rows):
        if moment is None or event is None or event > moment:
            continue
        if ttl is not None and event < moment - ttl:
            continue
        if known_only and revised and (created is None or created > moment):
            continue
        if best < 0 or _age(rows[best], revised) <= _age(rows[number], revised):
            best = number
    return best


def _age(row: Row, revised: bool) -> tuple[float, float]:
    created = row.created if revised and row.created is not None else float("-inf")
    return (float("-inf") if row.event is None else row.event, created)


@REPEATABLE
@given(ROWS, MOMENTS, TTLS, st.booleans(), st.booleans())
def test_the_row_of_a_moment_is_the_newest_version_of_the_newest_event_that_counts_by_then(
    rows: list[Row], moments: list[int | None], ttl: int | None, known_only: bool, revised: bool
) -> None:
    from feature_repo.join import as_of

    event = _array([row.event for row in rows])
    created = _array([row.created for row in rows]) if revised else None
    found = as_of(_array(moments), event, created, ttl=ttl, known_only=known_only)
    assert found.tolist() == [_searched(m, rows, ttl, known_only, revised) for m in moments]


@REPEATABLE
@given(ROWS, st.booleans())
def test_rows_go_from_the_oldest_event_to_the_newest_version(
    rows: list[Row], revised: bool
) -> None:
    from feature_repo.join import newest

    event = _array([row.event for row in rows])
    created = _array([row.created for row in rows]) if revised else None
    dated = [number for number, row in enumerate(rows) if row.event is not None]
    expected = sorted(dated, key=lambda number: _age(rows[number], revised))
    assert newest(event, created).tolist() == expected
