"""The OpenAPI document of what the model server serves."""

from collections.abc import Mapping, Sequence

from serving.inputs import Signature
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
)
from serving.state import InService
from serving.verbs import OUTPUTS
from volcast import __version__
from volcast.registry.versions import NAME

__all__ = ["document"]

_NUMBER: Json = {"type": "number"}
_PAIR: Json = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_SAID = {
    400: "The request is wrong; `field` names what.",
    401: "No token, or one that is not valid, where the server asks for one.",
    404: "The symbol or the day is not forecast.",
    408: "The body did not come in time.",
    413: "The body is over 1 MiB.",
    503: "No model, features too old, a store that does not answer, or too much to do.",
}

_ON_GET = {status: said for status, said in _SAID.items() if status not in {408, 413}}

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
                    parameter("symbol", "whose forecast", symbol, required=True),
                    parameter("as_of", "a session, YYYY-MM-DD", "2021-12-31", format="date"),
                ],
                "responses": responses("Forecast", _ANSWER, _ON_GET),
            },
            "post": {
                "operationId": "predictPosted",
                "summary": "The same, or a forecast from features that are given.",
                "requestBody": body("Question", examples=asked),
                "responses": responses("Forecast", _ANSWER, _SAID),
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
                "requestBody": body("Inference", example={"inputs": columns}),
                "responses": responses("Inferred", None, _SAID),
            }
        },
    }  # fmt: skip


def _verb(name: str, summary: str, row: Mapping[str, float], answer: str) -> Json:
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "requestBody": body("Instances", example={"instances": [row]}),
            "responses": responses(answer, None, _SAID),
        }
    }


def _schemas(names: Sequence[str], optional: frozenset[str]) -> Json:
    value: Json = {"type": "number", "minimum": -1e6, "maximum": 1e6}
    nullable: Json = value | {"type": ["number", "null"]}
    each = {name: nullable if name in optional else value for name in names}
    features = object_of(each) if names else {"type": "object", "additionalProperties": nullable}
    model = object_of({"name": TEXT, "version": TEXT})
    interval = object_of({"0.80": _PAIR, "0.95": _PAIR})
    maybe: Json = {"type": ["number", "null"]}
    one = object_of({"rv_5d": _NUMBER, "log_variance": _NUMBER, "intervals": interval})
    why = object_of({
        "base_log_variance": _NUMBER, "log_variance": _NUMBER,
        "contributions": {"type": "object", "additionalProperties": _NUMBER},
    })  # fmt: skip
    return {
        "Features": features,
        "Question": object_of(
            {"symbol": TEXT | {"minLength": 1}},
            {"as_of": {"type": ["string", "null"], "format": "date"}, "features": ref("Features")},
        ),
        "Forecast": _forecast(model, interval, maybe),
        "Instances": object_of({"instances": list_of(ref("Features"))}),
        "Predictions": object_of({"predictions": list_of(one), "model": model}),
        "Explanations": object_of({"explanations": list_of(why), "model": model}),
        "Inference": object_of(
            {"inputs": list_of(_tensor(TEXT | ({"enum": list(names)} if names else {}), nullable))},
            {
                "id": TEXT | {"maxLength": 256, "pattern": "^[A-Za-z0-9._-]*$"},
                "parameters": {"type": "object"},
                "outputs": list_of(object_of({"name": {"enum": list(OUTPUTS)}}), 0),
            },
        ),
        "Inferred": object_of(
            {
                "model_name": TEXT, "model_version": TEXT, "id": TEXT,
                "outputs": list_of(_tensor({"enum": list(OUTPUTS)}, _NUMBER)),
            }
        ),
        "Problem": PROBLEM,
    }  # fmt: skip


def _tensor(name: Json, value: Json) -> Json:
    size: Json = {"type": "integer", "minimum": 1}
    return object_of({
        "name": name, "datatype": {"enum": ["FP64", "FP32", "INT64", "INT32", "INT16", "INT8"]},
        "shape": {"type": "array", "items": size, "minItems": 1, "maxItems": 1},
        "data": list_of(value),
    })  # fmt: skip


def _forecast(model: Json, interval: Json, maybe: Json) -> Json:
    day: Json = {"type": "string", "format": "date"}
    driver = object_of({"feature": TEXT, "value": maybe, "contribution": _NUMBER})
    regime = object_of({
        "label": TEXT, "probabilities": {"type": "object", "additionalProperties": _NUMBER},
    })  # fmt: skip
    return object_of({
        "symbol": TEXT, "as_of": day,
        "target": object_of({"from": day, "to": day, "sessions": {"type": "integer"}}),
        "rv_5d": _NUMBER, "unit": TEXT, "intervals": interval,
        "baselines": {"type": "object", "additionalProperties": maybe},
        "regime": {"anyOf": [regime, {"type": "null"}]},
        "base_log_variance": _NUMBER, "drivers": list_of(driver), "others_contribution": _NUMBER,
        "model": model, "features_as_of": day, "stale": {"type": "boolean"},
        "age_sessions": {"type": "integer", "minimum": 0},
    })  # fmt: skip
