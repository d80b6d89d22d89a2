"""Merge rows into a partition's rows by key."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from volcast.core.errors import ContractError
from volcast.store.tables import Table

__all__ = ["Merged", "merge"]

_NUMBERS = {pa.date32(): pa.int32(), pa.timestamp("us", tz="UTC"): pa.int64()}
"""Dates and stamps as keys: their numbers are equal when they are, and far quicker to take out."""


@dataclass(frozen=True)
class Merged:
    """Rows after a merge, and how many of the new ones were added, replaced or unchanged."""

    rows: pa.Table
    added: int
    replaced: int
    unchanged: int

    @property
    def changed(self) -> bool:
        """Whether the merge made any difference."""
        return bool(self.added or self.replaced)


def merge(table: Table, old: pa.Table, new: pa.Table, where: str) -> Merged:
    """Return ``old`` with each row of ``new`` added, or put in place of the one with its key.

    Parameters
    ----------
    old, new : pyarrow.Table
        Typed rows of one partition, each key once.

    Raises
    ------
    ContractError
        If a stored row of an append-only table would be replaced.
    """
    if not len(old):
        return Merged(new, added=len(new), replaced=0, unchanged=0)
    place = {key: position for position, key in enumerate(_keys(table, old))}
    positions = np.array([place.get(key, -1) for key in _keys(table, new)], dtype=np.int64)
    here = np.flatnonzero(positions >= 0)
    differ = _differ(old.take(pa.array(positions[here])), new.take(pa.array(here)))
    replaced = here[differ]
    if table.append_only and len(replaced):
        stored = old.slice(positions[replaced[0]], 1)
        _refuse_rewrite(table, stored, new.slice(replaced[0], 1), where)
    unchanged = np.ones(len(old), dtype=bool)
    unchanged[positions[replaced]] = False
    taken = positions < 0
    taken[replaced] = True
    rows = pa.concat_tables([old.filter(pa.array(unchanged)), new.filter(pa.array(taken))])
    added = len(new) - len(here)
    return Merged(table.sorted(rows), added, len(replaced), len(here) - len(replaced))


def _keys(table: Table, rows: pa.Table) -> list[tuple[object, ...]]:
    columns = (rows.column(name) for name in table.key)
    plain = (column.cast(_NUMBERS.get(column.type, column.type)) for column in columns)
    return list(zip(*(column.to_pylist() for column in plain), strict=True))


def _differ(left: pa.Table, right: pa.Table) -> NDArray[np.bool_]:
    """Return which rows differ, position by position; nulls are equal to nulls."""
    differ = np.zeros(len(left), dtype=bool)
    for one, other in zip(left.columns, right.columns, strict=True):
        if one.equals(other):
            continue
        if pa.types.is_nested(one.type):
            pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
            differ |= np.array([repr(x) != repr(y) for x, y in pairs], dtype=bool)
            continue
        unlike = pc.fill_null(pc.not_equal(one, other), False)
        nulls = pc.xor(one.is_null(), other.is_null())
        differ |= pc.or_(unlike, nulls).to_numpy()
    return differ


def _refuse_rewrite(table: Table, stored: pa.Table, new: pa.Table, where: str) -> None:
    key = {name: str(new.column(name)[0]) for name in table.key}
    changes = [
        f"{name} {new.column(name)[0]} for the stored {stored.column(name)[0]}"
        for name in table.schema.names
        if not new.column(name).equals(stored.column(name))
    ]
    raise ContractError(
        found=f"the stored row {key} repeated with {', '.join(changes)}",
        expected=f"another {table.key[-1]} for each version of a row",
        where=where,
        remedy=f"{table.name} is append-only. Two ingestions at the same "
        "time can do this: then run this one again, and it leaves out what the other stored.",
    )
