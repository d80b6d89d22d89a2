"""The join's row for a moment against a plain search through all rows, ties included."""

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=400)
"""No deadline, for the first example imports Feast."""

NAT = np.iinfo(np.int64).min


class Row(NamedTuple):
    event: int
    created: int


TIMES = st.integers(-6, 6)
ROWS = st.lists(st.builds(Row, TIMES, TIMES), max_size=12)
MOMENTS = st.lists(st.none() | TIMES, max_size=8)
TTLS = st.none() | st.integers(0, 7)


def _searched(moment: int | None, rows: list[Row], ttl: int | None, filter_created: bool) -> int:
    best = -1
    for number, row in enumerate(rows):
        if moment is None or row.event > moment:
            continue
        if ttl is not None and row.event < moment - ttl:
            continue
        if filter_created and row.created > moment:
            continue
        if best < 0 or rows[best] <= row:
            best = number
    return best


@REPEATABLE
@given(ROWS, MOMENTS, TTLS, st.booleans())
def test_the_row_of_a_moment_is_the_newest_version_of_the_newest_event_by_then(
    rows, moments, ttl, filter_created
):
    from feature_repo.offline_store import as_of

    times = np.array(rows, dtype=np.int64).reshape(-1, 2)
    at = np.array([NAT if moment is None else moment for moment in moments], dtype=np.int64)
    joined = as_of(at, times[:, 0], times[:, 1], ttl=ttl, filter_created=filter_created)
    assert joined.tolist() == [_searched(m, rows, ttl, filter_created) for m in moments]
