"""The OpenAPI document of what is served, and a page of it that needs no network."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from serving.inputs import Signature
from serving.state import InService
from serving.verbs import OUTPUTS
from volcast import __version__
from volcast.registry.versions import NAME

__all__ = ["document", "page"]

Json = dict[str, Any]

_NUMBER: Json = {"type": "number"}
_TEXT: Json = {"type": "string"}
_PAIR: Json = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_SAID = {
    400: "The request is wrong; `field` names what.",
    401: "No token, or one that is not valid, where the server asks for one.",
    404: "The symbol or the day is not forecast.",
    408: "The body did not come in time.",
    413: "The body is over 1 MiB.",
    503: "No model, features too old, a store that does not answer, or too much to do.",
}

_ANSWER: Json = {
    "symbol": "SPY", "as_of": "2021-12-31",
    "target": {"from": "2022-01-03", "to": "2022-01-07", "sessions": 5},
    "rv_5d": 0.1312, "unit": "annualised volatility, decimal",
    "intervals": {"0.80": [0.086, 0.201], "0.95": [0.07, 0.26]},
    "baselines": {"har": 0.139, "vix": 0.154, "har_x": None},
    "regime": {"label": "calm", "probabilities": {"calm": 0.91, "normal": 0.08, "stressed": 0.01}},
    "base_log_variance": -3.78,
    "drivers": [{"feature": "iv", "value": -3.51, "contribution": -0.21}],
    "others_contribution": -0.07, "model": {"name": NAME, "version": "7"},
    "features_as_of": "2021-12-31", "stale": False, "age_sessions": 0,
}  # fmt: skip


def document(state: InService) -> Json:
    """Return the OpenAPI document for the model in service.

    Without a champion the features are any names.
    """
    signature = Signature((), frozenset()) if state.champion is None else state.signature
    names, optional = signature.names, signature.optional
    symbol = sorted(state.clocks)[0] if state.clocks else "SPY"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": NAME,
            "version": __version__,
            "description": "The realized volatility of the next five sessions, how sure it is, "
            "and why.",
        },
        "paths": _paths(symbol, names),
        "components": {"schemas": _schemas(names, optional)},
    }


def page(state: InService) -> str:
    """Return the document as one HTML page."""
    found = document(state)
    parts = [f"<h1>{NAME} {html.escape(__version__)}</h1>"]
    parts.append(f"<p>{html.escape(found['info']['description'])}")
    parts.append(' The whole, for tools: <a href="openapi.json">openapi.json</a>.</p>')
    for path, methods in found["paths"].items():
        for method, what in methods.items():
            parts.append(f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>")
            parts.append(f"<p>{html.escape(what['summary'])}</p>")
            for parameter in what.get("parameters", ()):
                told = f"<code>{parameter['name']}</code> {html.escape(parameter['description'])}"
                parts.append(f"<p>{told}</p>")
            parts += _examples("Request", what.get("requestBody", {}))
            parts += _examples("Answer", what["responses"].get("200", {}))
            others = (f"{code}: {one['description']}" for code, one in what["responses"].items())
            parts.append("".join(f"<li>{html.escape(one)}</li>" for one in others))
    return _PAGE % "\n".join(parts)


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>volcast</title>
<style>body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;
color-scheme:light dark}pre{overflow:auto;padding:.8rem;border:1px solid;border-radius:4px}</style>
%s</html>"""


def _examples(title: str, what: Mapping[str, Any]) -> list[str]:
    content = what.get("content", {}).get("application/json", {})
    named = content.get("examples", {})
    if "example" in content:
        named = {title: {"value": content["example"]}}
    return [
        f"<p>{html.escape(one.get('summary', title))}</p>"
        f"<pre>{html.escape(json.dumps(one['value'], indent=1))}</pre>"
        for one in named.values()
    ]


def _paths(symbol: str, names: Sequence[str]) -> Json:
    row = dict.fromkeys(names or ("iv",), 0.1)
    asked = {
        "present": {"summary": "The newest forecast", "value": {"symbol": symbol}},
        "past": {
            "summary": "What was forecast on a past day",
            "value": {"symbol": symbol, "as_of": "2021-12-31"},
        },
        "features": {
            "summary": "A forecast from features of your own, all of them by name",
            "value": {"symbol": symbol, "features": row},
        },
    }
    columns = [{"name": n, "datatype": "FP64", "shape": [1], "data": [v]} for n, v in row.items()]
    v1 = f"/v1/models/{NAME}"
    return {
        "/predict": {
            "get": {
                "operationId": "predict",
                "summary": "The forecast of a symbol, of the newest session or a past one.",
                "parameters": [
                    _parameter("symbol", "whose forecast", symbol, required=True),
                    _parameter("as_of", "a session, YYYY-MM-DD", "2021-12-31", format="date"),
                ],
                "responses": _responses("Forecast", _ANSWER, 400, 401, 404, 503),
            },
            "post": {
                "operationId": "predictPosted",
                "summary": "The same, or a forecast from features that are given.",
                "requestBody": _body("Question", examples=asked),
                "responses": _responses("Forecast", _ANSWER, *_SAID),
            },
        },
        f"{v1}:predict": _verb("v1Predict", "Forecasts of rows of features.", row, "Predictions"),
        f"{v1}:explain": _verb(
            "v1Explain", "The log variance of each row, a contribution a feature.", row,
            "Explanations",
        ),
        f"/v2/models/{NAME}/infer": {
            "post": {
                "operationId": "v2Infer",
                "summary": "Forecasts by the Open Inference Protocol, one input a feature.",
                "requestBody": _body("Inference", example={"inputs": columns}),
                "responses": _responses("Inferred", None, *_SAID),
            }
        },
    }  # fmt: skip


def _verb(name: str, summary: str, row: Mapping[str, float], answer: str) -> Json:
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "requestBody": _body("Instances", example={"instances": [row]}),
            "responses": _responses(answer, None, *_SAID),
        }
    }


def _parameter(
    name: str, told: str, example: str, *, required: bool = False, format: str | None = None
) -> Json:
    schema = {**_TEXT, "minLength": 1} | ({} if format is None else {"format": format})
    return {
        "name": name, "in": "query", "required": required, "description": told,
        "schema": schema, "example": example,
    }  # fmt: skip


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(schema: str, **examples: object) -> Json:
    return {"required": True, "content": {"application/json": {"schema": _ref(schema), **examples}}}


def _responses(schema: str, example: Json | None, *statuses: int) -> Json:
    good: Json = {"schema": _ref(schema)} | ({} if example is None else {"example": example})
    found: Json = {"200": {"description": "The answer.", "content": {"application/json": good}}}
    for status in sorted(statuses):
        content = {"application/problem+json": {"schema": _ref("Problem")}}
        found[str(status)] = {"description": _SAID[status], "content": content}
    return found


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Json:
    return {
        "type": "object", "required": list(required), "additionalProperties": False,
        "properties": {**required, **(optional or {})},
    }  # fmt: skip


def _list(of: Json, least: int = 1) -> Json:
    return {"type": "array", "items": of, "minItems": least}


def _schemas(names: Sequence[str], optional: frozenset[str]) -> Json:
    value: Json = {"type": "number", "minimum": -1e6, "maximum": 1e6}
    nullable: Json = value | {"type": ["number", "null"]}
    each = {name: nullable if name in optional else value for name in names}
    features = _object(each) if names else {"type": "object", "additionalProperties": nullable}
    model = _object({"name": _TEXT, "version": _TEXT})
    interval = _object({"0.80": _PAIR, "0.95": _PAIR})
    maybe: Json = {"type": ["number", "null"]}
    one = _object({"rv_5d": _NUMBER, "log_variance": _NUMBER, "intervals": interval})
    why = _object({
        "base_log_variance": _NUMBER, "log_variance": _NUMBER,
        "contributions": {"type": "object", "additionalProperties": _NUMBER},
    })  # fmt: skip
    return {
        "Features": features,
        "Question": _object(
            {"symbol": _TEXT | {"minLength": 1}},
            {"as_of": {"type": ["string", "null"], "format": "date"}, "features": _ref("Features")},
        ),
        "Forecast": _forecast(model, interval, maybe),
        "Instances": _object({"instances": _list(_ref("Features"))}),
        "Predictions": _object({"predictions": _list(one), "model": model}),
        "Explanations": _object({"explanations": _list(why), "model": model}),
        "Inference": _object(
            {"inputs": _list(_tensor(_TEXT | ({"enum": list(names)} if names else {}), nullable))},
            {
                "id": _TEXT | {"maxLength": 256, "pattern": "^[A-Za-z0-9._-]*$"},
                "parameters": {"type": "object"},
                "outputs": _list(_object({"name": {"enum": list(OUTPUTS)}}), 0),
            },
        ),
        "Inferred": _object(
            {
                "model_name": _TEXT, "model_version": _TEXT, "id": _TEXT,
                "outputs": _list(_tensor({"enum": list(OUTPUTS)}, _NUMBER)),
            }
        ),
        "Problem": _object(
            {
                "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT,
                "field": {"type": ["string", "null"]},
            }
        ),
    }  # fmt: skip


def _tensor(name: Json, value: Json) -> Json:
    size: Json = {"type": "integer", "minimum": 1}
    return _object({
        "name": name, "datatype": {"enum": ["FP64", "FP32", "INT64", "INT32", "INT16", "INT8"]},
        "shape": {"type": "array", "items": size, "minItems": 1, "maxItems": 1},
        "data": _list(value),
    })  # fmt: skip


def _forecast(model: Json, interval: Json, maybe: Json) -> Json:
    day: Json = {"type": "string", "format": "date"}
    driver = _object({"feature": _TEXT, "value": maybe, "contribution": _NUMBER})
    regime = _object({
        "label": _TEXT, "probabilities": {"type": "object", "additionalProperties": _NUMBER},
    })  # fmt: skip
    return _object({
        "symbol": _TEXT, "as_of": day,
        "target": _object({"from": day, "to": day, "sessions": {"type": "integer"}}),
        "rv_5d": _NUMBER, "unit": _TEXT, "intervals": interval,
        "baselines": {"type": "object", "additionalProperties": maybe},
        "regime": {"anyOf": [regime, {"type": "null"}]},
        "base_log_variance": _NUMBER, "drivers": _list(driver), "others_contribution": _NUMBER,
        "model": model, "features_as_of": day, "stale": {"type": "boolean"},
        "age_sessions": {"type": "integer", "minimum": 0},
    })  # fmt: skip
