"""Which row was the newest at a moment, as far as was known by then: arrays in, row numbers out."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_TIME", "Ints", "Numbers", "as_of", "newest"]

NO_TIME = np.iinfo(np.int64).min
"""In place of a time that is null; NumPy's and pandas' NaT read as integers."""

Ints = NDArray[np.int64]
"""Times, in nanoseconds since 1970, UTC."""

Numbers = NDArray[np.intp]
"""Numbers of rows."""


def newest(event: Ints, created: Ints | None) -> Numbers:
    """Return the rows' numbers from the oldest to the newest, without those of no event time.

    Later events are newer; of one event, the version created later, and one without a creation
    time is the oldest. What is still equal keeps its order.

    Parameters
    ----------
    event, created : array of int64, shape (rows,)
        Nanoseconds since 1970, UTC; `NO_TIME` for null.
    """
    order = np.argsort(event, kind="stable") if created is None else np.lexsort((created, event))
    dated: Numbers = order[event[order] != NO_TIME]
    return dated


def as_of(
    moments: Ints, event: Ints, created: Ints | None, *, ttl: int | None, known_only: bool
) -> Numbers:
    """Return for each moment the number of its row among the rows of one entity; -1 for none.

    The row is the newest, as `newest` orders them, with ``event <= moment`` and ``event >= moment
    - ttl``. Rows sorted by when they count from (the event, or with ``known_only`` the later of
    event and creation) make the candidates of any moment a prefix; the newest of every prefix is
    a running maximum of ranks, so a moment costs one binary search, revised rows or not.

    Parameters
    ----------
    moments : array of int64, shape (moments,)
        Nanoseconds since 1970, UTC, in any order; `NO_TIME` has no row.
    event, created : array of int64, shape (rows,)
        The same, by row, in any order.
    ttl : int or None
        Nanoseconds; None for no limit.
    known_only : bool
        Leave out, for each moment, the versions created after it or at a time not known. Without
        ``created`` there is nothing to leave out.
    """
    order = newest(event, created)
    counts_from = event[order]
    if known_only and created is not None:
        order = order[created[order] != NO_TIME]
        counts_from = np.maximum(event[order], created[order])
    if not len(order):
        return np.full(len(moments), -1)
    by_time = np.argsort(counts_from, kind="stable")
    newest_so_far = np.maximum.accumulate(by_time)
    last = np.searchsorted(counts_from[by_time], moments, side="right") - 1
    found = order[newest_so_far[last]]
    absent = last < 0
    if ttl is not None:
        # Where nothing is found the difference means nothing, and may wrap around.
        absent |= moments - event[found] > ttl
    return np.where(absent, -1, found)
