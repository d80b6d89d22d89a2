"""Requests and answers of the brief, and the OpenAPI document made from them."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema

from serving.body import field_error, plain_date, quoted
from serving.openapi import Document, Operation, Strict, document
from volcast.brief import LONGEST, Brief, Sentence, Source, checked_question
from volcast.monitoring.status import Missing

__all__ = ["Answer", "BriefQuery", "Question", "SourceQuery", "described", "validated"]

Request = TypeVar("Request", bound=Strict)


Day = Annotated[
    date, BeforeValidator(lambda day: None if day is None else plain_date(day, "as_of"))
]


class BriefQuery(Strict):
    """The query string of /daily-brief."""

    symbol: str | SkipJsonSchema[None] = Field(
        None, min_length=1, description="a symbol that is forecast; by default the target"
    )
    as_of: Day | SkipJsonSchema[None] = Field(
        None, description="a session, YYYY-MM-DD; by default the newest"
    )


class Question(Strict):
    """A question, and the day whose knowledge it is answered from."""

    question: Annotated[str, AfterValidator(checked_question)] = Field(
        min_length=1, max_length=LONGEST
    )
    as_of: Day | None = None


class Answer(Strict):
    """Sentences that answer a question, or none, and what is missing."""

    question: str
    answered: bool
    text: str
    sentences: list[Sentence]
    missing: list[Missing]


class SourceQuery(Strict):
    """The query string of /sources."""

    id: str = Field(min_length=1, description="a citation of a brief or an answer, percent-encoded")


_PROBLEMS = {
    400: "The request is wrong; `field` names what.",
    401: "No token, or one that is not valid, where the service requires one.",
    404: "The symbol, the store's content or the citation does not exist.",
    503: "A store that does not answer, sources not read yet, or too much work.",
}
_ON_BRIEF = _PROBLEMS | {
    400: "The request is wrong, or the day is no session that has closed; `field` names what.",
}
_ON_POST = _PROBLEMS | {
    408: "The body did not arrive in time.",
    413: "The body is over 1 MiB, as sent or decompressed.",
    415: "The body's Content-Encoding is neither gzip nor deflate.",
}

_QUESTION = "What is the forecast for SPY?"
_ANSWER = {
    "question": _QUESTION, "answered": True, "text": "SPY, next five sessions: 13.1 %.",
    "sentences": [{
        "text": "SPY, next five sessions: 13.1 %.", "source": "",
        "citations": ["predictions_daily?symbol=SPY&session=2021-12-31&model_version=7"],
    }],
    "missing": [],
}  # fmt: skip


def validated(model: type[Request], values: Mapping[str, Any]) -> Request:
    """Return a request's values as its model, or raise RequestError with the first wrong one."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise field_error(
            first["msg"].lower(), f"{sorted(model.model_fields)}", name, where=quoted(name),
            remedy="See /docs.",
        ) from error  # fmt: skip


def described(*, guarded: bool = False) -> Document:
    """Return the OpenAPI document."""
    brief = Operation(
        "dailyBrief", "The brief of a symbol and session.", Brief, _ON_BRIEF, query=BriefQuery
    )
    ask = Operation(
        "ask", "An answer that quotes, or that it is not in the sources.", Answer, _ON_POST,
        body=Question, answer_example=_ANSWER, examples={"A question": {"question": _QUESTION}},
    )  # fmt: skip
    source = Operation(
        "source", "The row or the passage of a citation.", Source, _PROBLEMS, query=SourceQuery
    )
    return document(
        "volcast brief",
        "The brief of the day, and answers that quote: each sentence with citations of the rows "
        "and passages it rests on.",
        {"/daily-brief": {"get": brief}, "/qa": {"post": ask}, "/sources": {"get": source}},
        guarded=guarded,
    )
