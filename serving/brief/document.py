"""The OpenAPI document of the brief."""

from serving.openapi_parts import (
    PROBLEM,
    TEXT,
    Json,
    body,
    list_of,
    object_of,
    parameter,
    ref,
    responses,
)  # fmt: skip
from volcast import __version__
from volcast.brief import LONGEST

__all__ = ["document"]

_SAID = {
    400: "The request is wrong; `field` names what.",
    401: "No token, or one that is not valid, where the service asks for one.",
    404: "What is asked for is not there.",
    503: "A store that does not answer, nothing read yet, or too much to do.",
}
_ON_BRIEF = _SAID | {
    400: "The request is wrong, or the day is no session that has closed; `field` names what.",
    404: "The symbol is not forecast, or the store is empty.",
}
_ON_POST = _SAID | {408: "The body did not come in time.", 413: "The body is over 1 MiB."}

_ROW = "predictions_daily?symbol=SPY&session=2021-12-31&model_version=7"
_SENTENCE = {
    "text": "SPY, next five sessions (3-7 Jan 2022): 13.1 % (-0.9 from yesterday), 80 % between "
    "8.6 and 20.1; calm.",
    "citations": [_ROW],
}
_BRIEF: Json = {
    "symbol": "SPY", "as_of": "2021-12-31",
    "sections": [{"title": "Forecast", "sentences": [_SENTENCE]}],
    "missing": [{"what": "Drift has not been looked for.", "remedy": "Run `volcast drift`."}],
}  # fmt: skip
_ANSWER: Json = {
    "question": "What is the forecast for SPY?", "answered": True, "text": _SENTENCE["text"],
    "sentences": [_SENTENCE], "written_by": "extract", "note": "",
}  # fmt: skip
_SOURCE: Json = {
    "id": _ROW, "kind": "row", "title": "predictions_daily", "text": None,
    "row": {"symbol": "SPY", "session": "2021-12-31", "rv_5d_hat": 0.131},
}  # fmt: skip


def document() -> Json:
    """Return the OpenAPI document."""
    day: Json = {"type": "string", "format": "date"}
    sentence = object_of({"text": TEXT, "citations": list_of(TEXT)})
    missing = object_of({"what": TEXT, "remedy": TEXT})
    section = object_of({"title": TEXT, "sentences": list_of(ref("Sentence"))})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "volcast brief",
            "version": __version__,
            "description": "The brief of the day, and answers that quote: each sentence with "
            "citations of the rows and passages it rests on.",
        },
        "paths": _paths(),
        "components": {
            "schemas": {
                "Sentence": sentence,
                "Brief": object_of(
                    {"symbol": TEXT, "as_of": day, "sections": list_of(section, 0),
                     "missing": list_of(missing, 0)}
                ),
                "Question": object_of(
                    {"question": TEXT | {"minLength": 1, "maxLength": LONGEST}},
                    {"as_of": {"type": ["string", "null"], "format": "date"}},
                ),
                "Answer": object_of(
                    {"question": TEXT, "answered": {"type": "boolean"}, "text": TEXT,
                     "sentences": list_of(ref("Sentence"), 0), "written_by": TEXT, "note": TEXT}
                ),
                "Source": object_of(
                    {"id": TEXT, "kind": {"enum": ["row", "document"]}, "title": TEXT,
                     "text": {"type": ["string", "null"]}, "row": {"type": ["object", "null"]}}
                ),
                "Problem": PROBLEM,
            }
        },
    }  # fmt: skip


def _paths() -> Json:
    return {
        "/daily-brief": {
            "get": {
                "operationId": "dailyBrief",
                "summary": "The brief of a symbol and session.",
                "parameters": [
                    parameter("symbol", "one that is forecast; by default the target", "SPY"),
                    parameter(
                        "as_of", "a session, YYYY-MM-DD; by default the newest", "2021-12-31",
                        format="date",
                    ),
                ],
                "responses": responses("Brief", _BRIEF, _ON_BRIEF),
            }
        },
        "/qa": {
            "post": {
                "operationId": "ask",
                "summary": "An answer that quotes, or that it is not in the sources.",
                "requestBody": body("Question", example={"question": _ANSWER["question"]}),
                "responses": responses("Answer", _ANSWER, _ON_POST),
            }
        },
        "/sources": {
            "get": {
                "operationId": "source",
                "summary": "The row or the passage that a citation stands for.",
                "parameters": [
                    parameter("id", "a citation, percent-encoded", _ROW, required=True)
                ],
                "responses": responses("Source", _SOURCE, _SAID),
            }
        },
    }  # fmt: skip
