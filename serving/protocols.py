"""The V1 (predict, explain) and V2 (infer) requests of KServe's protocols, on named features.

Each raises ModelError without a champion, and RequestError with the field that is wrong.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.body import field_error, json_object, quoted, refuse_unknown
from serving.signature import Signature
from serving.state import OUTPUTS, ServingState
from volcast.core.errors import RequestError
from volcast.registry.versions import NAME

Floats = NDArray[np.float64]

ID_LENGTH = 256

_NUMERIC = frozenset({"FP64", "FP32", "INT64", "INT32", "INT16", "INT8"})


def predict(state: ServingState, body: bytes) -> bytes:
    """Answer V1 predict: a forecast and its intervals for each instance."""
    columns = _forecast(state, _instances(body, state.signature), "instances")
    predictions = [
        {
            "rv_5d": rv_5d,
            "log_variance": log_variance,
            "intervals": {"0.80": [lo80, hi80], "0.95": [lo95, hi95]},
        }
        for rv_5d, log_variance, lo80, hi80, lo95, hi95 in zip(
            *(columns[name].tolist() for name in OUTPUTS), strict=True
        )
    ]
    return orjson.dumps({"predictions": predictions, "model": _model(state)})


def explain(state: ServingState, body: bytes) -> bytes:
    """Answer V1 explain: each row's log variance as a base and a contribution of each feature."""
    x = _instances(body, state.signature)
    forecaster = state.ready_champion.forecaster
    explained = forecaster.explain(x)
    if not np.isfinite(explained.contributions).all():
        raise _not_finite("instances")
    # A feature that only a baseline reads contributes nothing.
    zeros = dict.fromkeys(forecaster.signature, 0.0)
    names = forecaster.recipe.features
    totals = (explained.base + explained.contributions.sum(axis=1)).tolist()
    # Each row is encoded alone: the encoder holds the interpreter lock, and forecasts would wait.
    rows = (
        orjson.dumps(
            {
                "base_log_variance": explained.base,
                "contributions": zeros | dict(zip(names, row, strict=True)),
                "log_variance": total,
            }
        )
        for row, total in zip(explained.contributions.tolist(), totals, strict=True)
    )
    return b'{"explanations":[%b],"model":%b}' % (b",".join(rows), orjson.dumps(_model(state)))


def infer(state: ServingState, body: bytes) -> bytes:
    """Answer V2 infer: one input per feature, the outputs requested or all of `OUTPUTS`."""
    request = json_object(body)
    refuse_unknown(request, {"id", "inputs", "outputs", "parameters"})
    request_id, outputs = _id(request.get("id")), _outputs(request.get("outputs"))
    x = state.signature.columns(_inputs(request.get("inputs"), state.signature))
    columns = _forecast(state, x, "inputs")
    answer = {
        "model_name": NAME,
        "model_version": state.ready_champion.version.version,
        "id": request_id,
        "outputs": [
            {"name": name, "shape": [len(x)], "datatype": "FP64", "data": columns[name]}
            for name in outputs
        ],
    }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _forecast(state: ServingState, x: Floats, field: str) -> dict[str, Floats]:
    forecasts = state.ready_champion.forecaster.alone(x)
    columns = {
        "rv_5d": forecasts.rv_5d, "log_variance": forecasts.log_variance, **forecasts.bounds,
    }  # fmt: skip
    if not all(np.isfinite(values).all() for values in columns.values()):
        raise _not_finite(field)
    return columns


def _not_finite(field: str) -> RequestError:
    found = "values that give no finite forecast"
    return field_error(found, "values near those the model was trained on", field)


def _model(state: ServingState) -> dict[str, str]:
    return {"name": NAME, "version": state.ready_champion.version.version}


def _instances(body: bytes, signature: Signature) -> Floats:
    request = json_object(body)
    refuse_unknown(request, {"instances"})
    instances = request.get("instances")
    if not isinstance(instances, list) or not instances:
        raise field_error(quoted(instances), "a list of at least one object", "instances")
    return signature.table(instances)


def _inputs(inputs: object, signature: Signature) -> Mapping[str, Sequence[object]]:
    tensors: dict[str, dict[str, Any]] = {}
    for position, tensor in enumerate(_objects(inputs, "inputs")):
        for field, kind in (("name", str), ("datatype", str), ("shape", list), ("data", list)):
            if not isinstance(tensor.get(field), kind):
                expected = "a list" if kind is list else "a text"
                found = quoted(tensor.get(field))
                raise field_error(found, expected, f"inputs.{position}.{field}")
        if tensor["name"] in tensors:
            raise field_error("a repeated input", "each feature once", "inputs")
        tensors[tensor["name"]] = tensor
    signature.require(tensors, "inputs")
    rows = len(next(iter(tensors.values()))["data"])
    for name, tensor in tensors.items():
        datatype, shape, data = tensor["datatype"], tensor["shape"], tensor["data"]
        if datatype not in _NUMERIC:
            raise field_error(quoted(datatype), "datatype FP64", name)
        if shape != [rows] or type(shape[0]) is not int or len(data) != rows or not rows:
            expected = f"shape [n] and n values, n at least 1 and {rows} as in the first input"
            raise field_error(f"shape {quoted(shape)} and {len(data)} values", expected, name)
    return {name: tensor["data"] for name, tensor in tensors.items()}


def _objects(items: object, field: str) -> list[dict[str, Any]]:
    if not isinstance(items, list) or not items:
        raise field_error(quoted(items), "a list of at least one object", field)
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise field_error(quoted(item), "an object", f"{field}.{position}")
    return items


def _outputs(outputs: object) -> Sequence[str]:
    if outputs is None or outputs == []:
        return OUTPUTS
    names = [item.get("name") for item in _objects(outputs, "outputs")]
    for name in names:
        if name not in OUTPUTS:
            raise field_error(f"unknown output {quoted(name)}", f"one of {OUTPUTS}", "outputs")
    if len(set(names)) < len(names):
        raise field_error("a repeated output", "each output once", "outputs")
    return names  # type: ignore[return-value]


def _id(value: object) -> str:
    if value is None:
        return uuid.uuid4().hex
    if isinstance(value, str) and len(value) <= ID_LENGTH and value.isprintable():
        return value
    raise field_error(quoted(value), f"at most {ID_LENGTH} printable characters", "id")
