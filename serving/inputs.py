"""What a request may carry: JSON objects, dates, and feature values by name."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volcast.errors import RequestError

__all__ = ["Signature", "json_object", "plain_date", "quoted"]


_LARGEST = 1e6
"""No feature is near it, and the trees' single precision holds it."""


def quoted(value: object, limit: int = 40) -> str:
    """Return ``value`` as ASCII for a message, cut at ``limit`` characters."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a body that must be one JSON object.

    NaN and Infinity pass here, so that whoever reads a value can refuse it by its name.

    Raises
    ------
    RequestError
        On anything but UTF-8 JSON with an object at the top and no repeated name.
    """
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
        self.require(given, where)
        return {name: self._number(given[name], name, where) for name in self.names}

    def require(self, given: Mapping[str, object], where: str) -> None:
        """Refuse a set of names that is not exactly the signature."""
        for name in given:
            if name not in self.names:
                raise _name_error(f"unknown feature {quoted(name)}", str(name), where)
        for name in self.names:
            if name not in given:
                raise _name_error(f"no {name}", name, where)

    def column(self, name: str, data: Sequence[object]) -> NDArray[np.float64]:
        """Return one feature's values, null as NaN, shape (n,)."""
        found = [self._number(value, name, "inputs") for value in data]
        return np.array([math.nan if value is None else value for value in found], np.float64)

    def rows(self, given: Sequence[Mapping[str, float | None]]) -> NDArray[np.float64]:
        """Return checked rows as one array, null as NaN, shape (n, k)."""
        missing = math.nan
        table = [[missing if row[n] is None else row[n] for n in self.names] for row in given]
        return np.array(table, np.float64).reshape(len(given), len(self.names))

    def _number(self, value: object, name: str, where: str) -> float | None:
        if value is None and name in self.optional:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if abs(number) <= _LARGEST:  # false of NaN too
                return number
        allowed = f"a number within {_LARGEST:g} of 0" + " or null" * (name in self.optional)
        raise RequestError(
            found=quoted(value),
            expected=allowed,
            where=f"{where}.{name}",
            remedy="Send numbers as JSON numbers.",
            field=name,
        )


def _name_error(found: str, name: str, where: str) -> RequestError:
    return RequestError(
        found=found,
        expected="every feature of the model's signature and no other",
        where=where,
        remedy="GET /v2/models/volcast lists the names.",
        field=name,
    )
