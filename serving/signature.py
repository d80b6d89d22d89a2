"""The features a model takes, and the feature values of a request by name."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isnan
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.body import field_error, quoted
from volcast.core.errors import RequestError
from volcast.store.tables import FORECAST_BOUNDS

Floats = NDArray[np.float64]

Column: TypeAlias = Sequence[object] | Floats
"""Values of one feature: of JSON, or of a binary tensor, which has NaN for null."""

LARGEST = 1e6
"""Largest absolute value: no feature is near it, and the trees' single precision holds it."""


@dataclass(frozen=True)
class Signature:
    """The names of the k features a model takes, in order; of some the value may be null."""

    names: tuple[str, ...]
    optional: frozenset[str]

    def values(self, features: object, where: str) -> dict[str, float | None]:
        """Return one row of feature values in signature order; refuse by name what is wrong."""
        if not isinstance(features, Mapping):
            kind = type(features).__name__
            raise field_error(f"a {kind}", "an object of values by feature name", where)
        self.require(features, where)
        return {name: self._number(features[name], name, where) for name in self.names}

    def require(self, names: Mapping[str, object], where: str) -> None:
        """Raise RequestError of the first name that is unknown or missing."""
        if names.keys() == self._name_set:
            return
        wrong = {
            name: f"unknown feature {quoted(name)}" for name in names if name not in self.names
        }
        wrong |= {name: f"no {name}" for name in self.names if name not in names}
        name, found = next(iter(wrong.items()))
        raise field_error(
            found, "every feature of the model's signature and no other", name, where=where,
            remedy="GET /v2/models/volcast lists the names.",
        )  # fmt: skip

    def table(self, instances: Sequence[object]) -> Floats:
        """Return named rows, checked as by `values`, as an array, shape (n, k), null as NaN."""
        k = len(self.names)
        if all(type(one) is dict and len(one) == k for one in instances):
            try:
                rows = [self._pick(one) for one in instances]  # type: ignore[arg-type]
            except KeyError:
                pass
            else:
                numbers = _numbers(rows)
                if numbers is not None:
                    return numbers
        checked = [self.values(one, f"instances[{row}]") for row, one in enumerate(instances)]
        return np.array([list(row.values()) for row in checked], np.float64).reshape(-1, k)

    def columns(self, data: Mapping[str, Column]) -> Floats:
        """Return columns of one length n, by name, as one array, shape (n, k), null as NaN."""
        columns = self._pick(data)
        if all(isinstance(column, np.ndarray) for column in columns):
            x = np.stack(columns, axis=1)
            near = np.abs(x) <= LARGEST
            if near.all() or (near | (np.isnan(x) & self._may_be_null)).all():
                return x
        lists = [_listed(column) for column in columns]
        many = len(lists[0]) > len(lists)
        numbers = _numbers(lists if many else list(zip(*lists, strict=True)))
        if numbers is not None:
            return np.ascontiguousarray(numbers.T) if many else numbers
        checked = [
            [self._number(value, name, "inputs") for value in column]
            for name, column in zip(self.names, lists, strict=True)
        ]
        return np.ascontiguousarray(np.array(checked, np.float64).T)

    @cached_property
    def _may_be_null(self) -> NDArray[np.bool_]:
        return np.array([name in self.optional for name in self.names])

    @cached_property
    def _name_set(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def _pick(self) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        return itemgetter(*self.names)

    def _number(self, value: object, name: str, where: str) -> float | None:
        if type(value) is float and -LARGEST <= value <= LARGEST:
            return value
        if value is None and name in self.optional:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = inf
            if abs(number) <= LARGEST:  # false of NaN too
                return number
        allowed = f"a number within {LARGEST:g} of 0" + " or null" * (name in self.optional)
        raise field_error(quoted(value), allowed, name, where=f"{where}.{name}")


def implausible(field: str, row: int | None = None) -> RequestError:
    """Return the error of features whose forecast is not `plausible`; ``row`` of several."""
    lowest, highest = FORECAST_BOUNDS
    return field_error(
        "values that give an impossible volatility",
        f"values that give a volatility from {lowest} to {highest}", field,
        where=field if row is None else f"{field}, row {row}",
        remedy="Correct the features: volatility is a decimal, 0.2 for 20 %, iv a log variance.",
    )  # fmt: skip


def _listed(column: Column) -> Sequence[object]:
    """Return a column as JSON would have it, which has null where an array has NaN."""
    if not isinstance(column, np.ndarray):
        return column
    return [None if isnan(value) else value for value in column.tolist()]


def _numbers(rows: Sequence[Sequence[Any]]) -> Floats | None:
    """Return rows of one length as an array if all are numbers near enough to 0, else None."""
    packer = struct.Struct(f"{len(rows[0])}d")
    buffer = bytearray(packer.size * len(rows))
    try:
        # Of all that JSON has, this takes numbers and booleans; NumPy would take "1" too.
        for row, values in enumerate(rows):
            packer.pack_into(buffer, row * packer.size, *values)
    except (struct.error, OverflowError):
        return None
    numbers = np.frombuffer(buffer).reshape(len(rows), -1)
    if not (np.abs(numbers) <= LARGEST).all():
        return None
    maybe_booleans = np.argwhere((numbers == 0) | (numbers == 1)).tolist()
    return None if any(type(rows[row][at]) is bool for row, at in maybe_booleans) else numbers
