"""What a request may carry: JSON objects, dates, and feature values by name."""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain
from math import inf, nan
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from volcast.core.errors import RequestError

__all__ = ["LARGEST", "Signature", "has_booleans", "json_object", "plain_date", "quoted"]


_PLAIN = frozenset({int, float})

LARGEST = 1e6
"""No feature is near it, and the trees' single precision holds it."""


def quoted(value: object, limit: int = 40) -> str:
    """Return ``value`` as ASCII for a message, cut at ``limit`` characters."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def has_booleans(body: bytes) -> bool:
    """Say whether a JSON body may hold ``true`` or ``false``."""
    return b"true" in body or b"false" in body


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a body that must be one JSON object.

    NaN and Infinity pass here, so that whoever reads a value can refuse it by its name.

    Raises
    ------
    RequestError
        On anything but UTF-8 JSON with an object at the top and no repeated name.
    """
    try:
        found = orjson.loads(body)
        if isinstance(found, dict) and body.count(b'"') == 2 * _texts(found):
            return found
    except orjson.JSONDecodeError:
        pass
    return _slowly(body)


def _texts(found: dict[str, Any]) -> int:
    """Count the names and texts of a parsed object, and of objects in it and in lists in it.

    Each stands between two quotes in the body. A count that is too low (a repeated name, texts
    deeper down, a quote within a text) only means that the body is read once more, slowly.
    """
    count = len(found)
    for value in found.values():
        if type(value) is str:
            count += 1
        elif type(value) is dict:
            count += _texts(value)
        elif type(value) is list and value and type(value[0]) is dict:
            count += sum(_shallow(one) for one in value if type(one) is dict)
    return count


def _shallow(one: dict[str, Any]) -> int:
    # An instance holds numbers alone and an input few values: only the latter is looked into.
    few = len(one) < 8
    return len(one) + (sum(type(value) is str for value in one.values()) if few else 0)


def _slowly(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise _bad_body("a body that is not JSON") from error
    if not isinstance(found, dict):
        raise _bad_body(f"a JSON {type(found).__name__}")
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise RequestError(
            found=f"{quoted(repeated)} twice",
            expected="each name once",
            where="body",
            remedy="Keep one of them.",
            field=repeated,
        )
    return found


def _bad_body(found: str) -> RequestError:
    return RequestError(
        found=found,
        expected="one JSON object in UTF-8",
        where="body",
        remedy='Send an object such as {"symbol": "SPY"}.',
    )


def plain_date(value: object, field: str) -> date:
    """Parse a date written YYYY-MM-DD.

    Raises
    ------
    RequestError
        On any other type, spelling, or a day that does not exist.
    """
    try:
        # Without the dashes' places a week date such as 2019-W01-1 would pass.
        if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise RequestError(
        found=quoted(value),
        expected="a date as YYYY-MM-DD",
        where=field,
        remedy="Write the date as in 2021-12-31.",
        field=field,
    )


@dataclass(frozen=True)
class Signature:
    """The features a model takes, by name and in order.

    Parameters
    ----------
    names : tuple of str, length k
    optional : frozenset of str
        Names whose value may be null.
    """

    names: tuple[str, ...]
    optional: frozenset[str]

    def values(self, given: object, where: str) -> dict[str, float | None]:
        """Return one row of feature values, in signature order.

        Raises
        ------
        RequestError
            If ``given`` is no object, misses a name, has an unknown one, or holds a value that
            is no finite number (or null where null is allowed); ``field`` names the culprit.
        """
        if not isinstance(given, Mapping):
            raise RequestError(
                found=f"a {type(given).__name__}",
                expected="an object of values by feature name",
                where=where,
                remedy="Name every feature; bare lists are refused.",
                field=where,
            )
        found = self._plain(given)
        if found is not None:
            return found
        self.require(given, where)
        return {name: self._number(given[name], name, where) for name in self.names}

    def _plain(self, given: Mapping[str, Any]) -> dict[str, float | None] | None:
        """Return the values of a row with nothing to say about; None for any other."""
        try:
            values = self._pick(given)
        except KeyError:
            return None
        plain = len(given) == len(values) and set(map(type, values)) <= _PLAIN
        if plain and all(-LARGEST <= value <= LARGEST for value in values):
            return dict(zip(self.names, map(float, values), strict=True))
        return None

    def require(self, given: Mapping[str, object], where: str) -> None:
        """Refuse a set of names that is not exactly the signature."""
        for name in given:
            if name not in self.names:
                raise _name_error(f"unknown feature {quoted(name)}", str(name), where)
        for name in self.names:
            if name not in given:
                raise _name_error(f"no {name}", name, where)

    def table(self, instances: Sequence[object], *, booleans: bool = True) -> NDArray[np.float64]:
        """Return named rows as one array, shape (n, k), null as NaN.

        Parameters
        ----------
        instances : sequence of object
        booleans : bool
            Whether there may be any; without, each value's type need not be looked at.

        Raises
        ------
        RequestError
            As `values`.
        """
        k, whole = len(self.names), all(type(one) is dict for one in instances)
        try:
            if whole and all(len(one) == k for one in instances):  # type: ignore[arg-type]
                rows = [self._pick(one) for one in instances]  # type: ignore[arg-type]
                found = _numbers(list(chain.from_iterable(rows)), booleans=booleans)
                if found is not None:
                    return found.reshape(len(instances), k)
        except KeyError:
            pass
        checked = [self.values(one, f"instances[{row}]") for row, one in enumerate(instances)]
        table = [[nan if value is None else value for value in row.values()] for row in checked]
        return np.array(table, np.float64).reshape(len(checked), k)

    def columns(
        self, data: Mapping[str, Sequence[object]], *, booleans: bool = True
    ) -> NDArray[np.float64]:
        """Return columns of one length n, by name, as one array, shape (n, k), null as NaN.

        Parameters
        ----------
        data : mapping of str to sequence
        booleans : bool
            As in `table`.

        Raises
        ------
        RequestError
            If a value is no finite number, or null where none is allowed.
        """
        found = _numbers(list(chain.from_iterable(self._pick(data))), booleans=booleans)
        if found is None:
            checked = [self._number(v, name, "inputs") for name in self.names for v in data[name]]
            found = np.array([nan if value is None else value for value in checked], np.float64)
        return np.ascontiguousarray(found.reshape(len(self.names), -1).T)

    @cached_property
    def _pick(self) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        return itemgetter(*self.names)

    def _number(self, value: object, name: str, where: str) -> float | None:
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
        raise RequestError(
            found=quoted(value),
            expected=allowed,
            where=f"{where}.{name}",
            remedy="Send numbers as JSON numbers.",
            field=name,
        )


def _numbers(values: list[Any], *, booleans: bool) -> NDArray[np.float64] | None:
    """Return ``values`` as an array if all are plain numbers near enough to 0, else None."""
    if booleans and not set(map(type, values)) <= _PLAIN:
        return None
    try:
        # Of all that JSON has, this takes numbers and booleans; NumPy would take "1" too.
        found = np.frombuffer(struct.pack(f"{len(values)}d", *values))
    except (struct.error, OverflowError):
        return None
    return found if bool((np.abs(found) <= LARGEST).all()) else None


def _name_error(found: str, name: str, where: str) -> RequestError:
    return RequestError(
        found=found,
        expected="every feature of the model's signature and no other",
        where=where,
        remedy="GET /v2/models/volcast lists the names.",
        field=name,
    )
