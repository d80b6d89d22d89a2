"""The OpenAPI document of the brief, from models of its requests and answers."""

from datetime import date
from typing import Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from serving.openapi import Document, Operation, Strict, document
from volcast.brief import LONGEST

__all__ = ["described"]


class Sentence(Strict):
    """A sentence and the citations it rests on."""

    text: str
    citations: list[str] = Field(min_length=1)


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
    as_of: date | SkipJsonSchema[None] = Field(
        None, description="a session, YYYY-MM-DD; by default the newest", examples=["2021-12-31"]
    )


class Question(Strict):
    """A question, and the day whose knowledge it is answered from."""

    question: str = Field(min_length=1, max_length=LONGEST)
    as_of: date | None = None


class Answer(Strict):
    """Sentences that answer a question, or none."""

    question: str
    answered: bool
    text: str
    sentences: list[Sentence]
    written_by: str
    note: str


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
}
_BRIEF = {
    "symbol": "SPY", "as_of": "2021-12-31",
    "sections": [{"title": "Forecast", "sentences": [_SENTENCE]}],
    "missing": [{"what": "Drift has not been looked for.", "remedy": "Run `volcast drift`."}],
}  # fmt: skip
_ANSWER = {
    "question": "What is the forecast for SPY?", "answered": True, "text": _SENTENCE["text"],
    "sentences": [_SENTENCE], "written_by": "extract", "note": "",
}  # fmt: skip
_SOURCE = {
    "id": _SENTENCE["citations"][0], "kind": "row", "title": "predictions_daily", "text": None,
    "row": {"symbol": "SPY", "session": "2021-12-31", "rv_5d_hat": 0.131},
}  # fmt: skip


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
