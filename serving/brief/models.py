"""Requests and answers of the brief, and the OpenAPI document made from them."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema

from serving.body import json_object, plain_date
from serving.openapi import Document, Operation, Strict, document
from volcast.brief import LONGEST, checked_question
from volcast.core.errors import RequestError

__all__ = ["BriefQuery", "Question", "SourceQuery", "described", "read_body", "read_query"]

_PARAMETERS = 16
"""Of a query string, at most."""

Request = TypeVar("Request", bound=Strict)


def _day(value: object) -> object:
    return value if value is None else plain_date(value, "as_of")


Day = Annotated[date, BeforeValidator(_day)]


class Sentence(Strict):
    """A sentence and the citations it rests on."""

    text: str
    citations: list[str] = Field(min_length=1)
    source: str = Field(description="the document quoted; empty for the system's own rows")


class BriefSection(Strict):
    """One section of a brief."""

    title: str
    sentences: list[Sentence]


class Missing(Strict):
    """What a brief lacks, and what to do about it."""

    what: str
    remedy: str


class Brief(Strict):
    """The brief of a symbol and session."""

    symbol: str
    as_of: date
    sections: list[BriefSection]
    missing: list[Missing]


class BriefQuery(Strict):
    """The query string of /daily-brief."""

    symbol: str | SkipJsonSchema[None] = Field(
        None, min_length=1, description="a symbol that is forecast; by default the target",
        examples=["SPY"],
    )  # fmt: skip
    as_of: Day | SkipJsonSchema[None] = Field(
        None, description="a session, YYYY-MM-DD; by default the newest", examples=["2021-12-31"]
    )


class Question(Strict):
    """A question, and the day whose knowledge it is answered from."""

    question: Annotated[str, AfterValidator(checked_question)] = Field(
        min_length=1, max_length=LONGEST
    )
    as_of: Day | None = None


class Answer(Strict):
    """Sentences that answer a question, or none."""

    question: str
    answered: bool
    text: str
    sentences: list[Sentence]


class SourceQuery(Strict):
    """The query string of /sources."""

    id: str = Field(
        min_length=1, description="a citation, percent-encoded",
        examples=["predictions_daily?symbol=SPY&session=2021-12-31&model_version=7"],
    )  # fmt: skip


class Source(Strict):
    """The row or the passage of a citation."""

    id: str
    kind: Literal["row", "document"]
    title: str
    text: str | None
    row: dict[str, Any] | None


_PROBLEMS = {
    400: "The request is wrong; `field` names what.",
    401: "No token, or one that is not valid, where the service requires one.",
    404: "The symbol, the store's content or the citation does not exist.",
    503: "A store that does not answer, sources not read yet, or too much work.",
}
_ON_BRIEF = _PROBLEMS | {
    400: "The request is wrong, or the day is no session that has closed; `field` names what.",
}
_ON_POST = _PROBLEMS | {408: "The body did not arrive in time.", 413: "The body is over 1 MiB."}

_SENTENCE = {
    "text": "SPY, next five sessions (3-7 Jan 2022): 13.1 % (-0.9 from yesterday), 80 % between "
    "8.6 and 20.1; calm.",
    "citations": ["predictions_daily?symbol=SPY&session=2021-12-31&model_version=7"],
    "source": "",
}
_BRIEF = {
    "symbol": "SPY", "as_of": "2021-12-31",
    "sections": [{"title": "Forecast", "sentences": [_SENTENCE]}],
    "missing": [{"what": "Drift has not been looked for.", "remedy": "Run `volcast drift`."}],
}  # fmt: skip
_ANSWER = {
    "question": "What is the forecast for SPY?", "answered": True, "text": _SENTENCE["text"],
    "sentences": [_SENTENCE],
}  # fmt: skip
_SOURCE = {
    "id": _SENTENCE["citations"][0], "kind": "row", "title": "predictions_daily", "text": None,
    "row": {"symbol": "SPY", "session": "2021-12-31", "rv_5d_hat": 0.131},
}  # fmt: skip


def read_body(body: bytes) -> Question:
    """Read the body of a question.

    Raises
    ------
    RequestError
        On anything but an object with a question and, optionally, as_of.
    """
    return _validated(Question, json_object(body))


def read_query(query: bytes, model: type[Request]) -> Request:
    """Read a query string.

    Raises
    ------
    RequestError
        On a repeated, unknown or wrong parameter.
    """
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=_PARAMETERS
        )
    except ValueError as error:
        raise RequestError(
            found=f"more than {_PARAMETERS} parameters", expected=f"{sorted(model.model_fields)}",
            where="query", remedy="Leave the others out.",
        ) from error  # fmt: skip
    values = dict(pairs)
    for name in values:
        if [one for one, _ in pairs].count(name) > 1:
            raise RequestError(
                found=f"{name[:40]!a} twice", expected="each parameter once", where="query",
                remedy="Keep one of them.", field=name,
            )  # fmt: skip
    return _validated(model, values)


def _validated(model: type[Request], values: Mapping[str, Any]) -> Request:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise RequestError(
            found=f"{first['msg'].lower()}", expected=f"{sorted(model.model_fields)}",
            where=f"{name[:40]!a}", remedy="See /docs.", field=name,
        ) from error  # fmt: skip


def described() -> Document:
    """Return the OpenAPI document."""
    return document(
        "volcast brief",
        "The brief of the day, and answers that quote: each sentence with citations of the rows "
        "and passages it rests on.",
        {
            "/daily-brief": {
                "get": Operation(
                    "dailyBrief", "The brief of a symbol and session.", Brief, _ON_BRIEF,
                    query=BriefQuery, answer_example=_BRIEF,
                )
            },
            "/qa": {
                "post": Operation(
                    "ask", "An answer that quotes, or that it is not in the sources.", Answer,
                    _ON_POST, body=Question, answer_example=_ANSWER,
                    examples={"A question": {"question": _ANSWER["question"]}},
                )
            },
            "/sources": {
                "get": Operation(
                    "source", "The row or the passage of a citation.", Source, _PROBLEMS,
                    query=SourceQuery, answer_example=_SOURCE,
                )
            },
        },
    )  # fmt: skip
