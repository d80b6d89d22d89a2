"""What is asked of the brief, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from serving.body import json_object, plain_date, quoted
from volcast.brief import LONGEST, checked_question
from volcast.core.errors import RequestError

__all__ = ["Asked", "asked", "queried"]

_PARAMETERS = 16
"""Of a query: more than any path has, and few enough to be looked at one by one."""


@dataclass(frozen=True)
class Asked:
    """A question, and the day whose knowledge it is to be answered from."""

    question: str
    as_of: date | None


def asked(body: bytes) -> Asked:
    """Read the body of a question.

    Raises
    ------
    RequestError
        On anything but an object with a question and, if wanted, as_of.
    """
    given = json_object(body)
    _refuse_unknown(given, {"question", "as_of"})
    question = given.get("question")
    if not isinstance(question, str):
        raise RequestError(
            found=quoted(question), expected=f"a text of 1 to {LONGEST} characters",
            where="question", remedy="Ask in one sentence.", field="question",
        )  # fmt: skip
    as_of = given.get("as_of")
    return Asked(checked_question(question), None if as_of is None else plain_date(as_of, "as_of"))


def queried(query: bytes, allowed: set[str]) -> dict[str, str]:
    """Read a query string.

    Raises
    ------
    RequestError
        On a repeated or unknown parameter, or more of them than anybody needs.
    """
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=_PARAMETERS
        )
    except ValueError as error:
        raise RequestError(
            found=f"more than {_PARAMETERS} parameters", expected=f"{sorted(allowed)}",
            where="query", remedy="Leave the others out.",
        ) from error  # fmt: skip
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(
                found=f"{quoted(name)} twice", expected="each parameter once", where="query",
                remedy="Keep one of them.", field=name,
            )  # fmt: skip
    given = dict(pairs)
    _refuse_unknown(given, allowed)
    return given


def _refuse_unknown(given: Mapping[str, Any], allowed: set[str]) -> None:
    for name in given:
        if name not in allowed:
            raise RequestError(
                found=f"unknown field {quoted(name)}", expected=f"{sorted(allowed)}",
                where="request", remedy="Leave it out.", field=name,
            )  # fmt: skip
