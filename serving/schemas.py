"""The requests and answers of the model server, as pydantic models.

They give the OpenAPI document. Requests are parsed and answers made without them, for speed; tests
compare the two.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import SkipJsonSchema

from serving.openapi import Document, Operation, Strict, document
from serving.protocols import DATATYPES, ID_LENGTH
from serving.signature import LARGEST, Signature
from serving.state import OUTPUTS, ServingState
from volcast.registry.versions import NAME

_Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
_Value = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
_Rows = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=1)]
_Datatype = Annotated[str, Field(json_schema_extra={"enum": list(DATATYPES)})]
_Output = Annotated[str, Field(json_schema_extra={"enum": list(OUTPUTS)})]


class ModelVersion(Strict):
    """The registered model, and its version in service."""

    name: str
    version: str


class Intervals(Strict):
    """Lower and upper bounds of the volatility, by their probability."""

    of_80: _Pair = Field(alias="0.80")
    of_95: _Pair = Field(alias="0.95")


class Target(Strict):
    """The sessions that are forecast."""

    first: date = Field(alias="from")
    to: date
    sessions: int


class Regime(Strict):
    """The market's regime at the forecast's session."""

    label: str
    probabilities: dict[str, float]


class Driver(Strict):
    """A feature, and what it adds to the log variance."""

    feature: str
    value: float | None
    contribution: float


class Forecast(Strict):
    """The answer of /predict."""

    symbol: str
    as_of: date
    target: Target
    rv_5d: float
    unit: str
    intervals: Intervals
    baselines: dict[str, float | None]
    regime: Regime | None
    base_log_variance: float
    drivers: list[Driver] = Field(min_length=1)
    others_contribution: float
    model: ModelVersion
    features_as_of: date
    stale: bool
    age_sessions: int = Field(ge=0)


class Prediction(Strict):
    """The forecast of one instance."""

    rv_5d: float
    log_variance: float
    intervals: Intervals


class Predictions(Strict):
    """The answer of V1 predict."""

    predictions: list[Prediction] = Field(min_length=1)
    model: ModelVersion


class Explanation(Strict):
    """The log variance of one instance as a base and a contribution of each feature."""

    base_log_variance: float
    contributions: dict[str, float]
    log_variance: float


class Explanations(Strict):
    """The answer of V1 explain."""

    explanations: list[Explanation] = Field(min_length=1)
    model: ModelVersion


class OutputTensor(Strict):
    """One output of V2 infer."""

    name: _Output
    shape: _Rows
    datatype: Literal["FP64"]
    data: list[float] = Field(min_length=1)


class Inferred(Strict):
    """The answer of V2 infer."""

    model_name: str
    model_version: str
    id: str
    outputs: list[OutputTensor] = Field(min_length=1)


class ForecastQuery(Strict):
    """The query string of /predict."""

    symbol: str | SkipJsonSchema[None] = Field(
        None, min_length=1, description="whose forecast; by default the target's"
    )
    as_of: date | SkipJsonSchema[None] = Field(
        None, description="a past session, YYYY-MM-DD; by default the newest"
    )


class OutputName(Strict):
    """One output that a V2 request asks for."""

    name: _Output
    parameters: dict[str, Any] | SkipJsonSchema[None] = None


_PROBLEMS = {
    400: "The request is wrong; `field` names what.",
    401: "No token, or one that is not valid, where the server requires one.",
    404: "The symbol or the day is not forecast.",
    408: "The body did not arrive in time.",
    413: "The body is over 1 MiB, as sent or decompressed.",
    415: "The body's Content-Encoding is neither gzip nor deflate.",
    503: "No model, features too old, a store that does not answer, or too much work.",
}

_FORECAST = {
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


def _example(state: ServingState) -> dict[str, float | None]:
    """Return a row that the model in service was checked with: a forecast of it is a real one."""
    if state.champion is None:
        return {"iv": -3.51}
    golden = state.champion.forecaster.golden
    return dict(zip(golden["features"], golden["inputs"][-1], strict=True))


def described(state: ServingState, *, guarded: bool = False) -> Document:
    """Return the OpenAPI document for the model in service; without one, features of any name."""
    signature = Signature((), frozenset()) if state.champion is None else state.signature
    row = _example(state)
    symbol, day = next(iter(state.sessions.items()), ("SPY", "2021-12-31"))
    features = _features(signature)
    question = _model(
        "Question", symbol=(Annotated[str, Field(min_length=1)] | None, None),
        as_of=(date | None, None), features=(features | None, None),
    )  # fmt: skip
    instances = _model("Instances", instances=(list[features], Field(min_length=1)))  # type: ignore[valid-type]
    rows = {"One row": {"instances": [row]}}
    tensors = [
        {"name": name, "datatype": "FP64", "shape": [1], "data": [value]}
        for name, value in row.items()
        if value is not None
    ]
    on_get = {status: text for status, text in _PROBLEMS.items() if status not in {408, 413, 415}}
    return document(
        NAME,
        "The realized volatility of the next five sessions, its uncertainty and its drivers.",
        {
            "/predict": {
                "get": Operation(
                    "predict", "The forecast of a symbol, of the newest session or a past one.",
                    Forecast, on_get, query=ForecastQuery, answer_example=_FORECAST,
                ),
                "post": Operation(
                    "predictPosted", "The same, or a forecast from features in the request.",
                    Forecast, _PROBLEMS, body=question, answer_example=_FORECAST,
                    examples={
                        "The newest forecast of the target": {},
                        "The newest forecast of a symbol": {"symbol": symbol},
                        "The forecast of a day": {"symbol": symbol, "as_of": str(day)},
                        "A forecast from all features by name": {"symbol": symbol, "features": row},
                    },
                ),
            },
            f"/v1/models/{NAME}:predict": {"post": Operation(
                "v1Predict", "Forecasts of rows of features.", Predictions, _PROBLEMS,
                body=instances, examples=rows,
            )},
            f"/v1/models/{NAME}:explain": {"post": Operation(
                "v1Explain", "The log variance of each row, a contribution of each feature.",
                Explanations, _PROBLEMS, body=instances, examples=rows,
            )},
            f"/v2/models/{NAME}/infer": {"post": Operation(
                "v2Infer", "Forecasts by the Open Inference Protocol, one input per feature; "
                "binary tensors too.",
                Inferred, _PROBLEMS, body=_inference(signature),
                examples={"One row": {"inputs": tensors}},
            )},
        },
        guarded=guarded,
    )  # fmt: skip


def _model(name: str, /, **fields: Any) -> type[BaseModel]:
    return create_model(name, __base__=Strict, **fields)


def _features(signature: Signature) -> Any:
    if not signature.names:
        return dict[str, _Value | None]
    types = {n: _Value | None if n in signature.optional else _Value for n in signature.names}
    return _model("Features", **{name: (kind, ...) for name, kind in types.items()})


def _inference(signature: Signature) -> type[BaseModel]:
    tensor = _model(
        "InputTensor",
        name=(Literal[signature.names] if signature.names else str, ...),
        datatype=(_Datatype, ...),
        shape=(_Rows, ...),
        data=(list[_Value | None], Field(min_length=1)),
        parameters=(dict[str, Any], None),
    )
    name = Field(None, max_length=ID_LENGTH, pattern="^[A-Za-z0-9._-]*$")
    return _model(
        "Inference", inputs=(list[tensor], Field(min_length=1)), id=(str, name),  # type: ignore[valid-type]
        model_name=(str, Field(NAME, pattern=f"^{NAME}$")), parameters=(dict[str, Any], None),
        outputs=(list[OutputName], None),
    )  # fmt: skip
