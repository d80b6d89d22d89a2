"""The V1 (predict, explain) and V2 (infer) requests of KServe's protocols, on named features.

Each raises ModelError without a champion, and RequestError with the field that is wrong.
"""

import uuid
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.body import field_error, json_object, quoted, refuse_unknown
from serving.signature import Column, Signature, implausible
from serving.state import OUTPUTS, ServingState
from volcast.inference.soundness import plausible
from volcast.registry.versions import NAME

Floats = NDArray[np.float64]

Reply: TypeAlias = tuple[bytes, int | None]
"""The body of an answer, and the length of its JSON if binary tensors follow."""

ID_LENGTH = 256

DATATYPES: dict[str, np.dtype[Any]] = {
    "FP64": np.dtype("<f8"), "FP32": np.dtype("<f4"),
    "INT64": np.dtype("<i8"), "INT32": np.dtype("<i4"),
    "INT16": np.dtype("<i2"), "INT8": np.dtype("<i1"),
    "UINT64": np.dtype("<u8"), "UINT32": np.dtype("<u4"),
    "UINT16": np.dtype("<u2"), "UINT8": np.dtype("<u1"),
}  # fmt: skip
"""Datatypes of inputs, as they are laid out in a binary tensor."""

_INTEGERS = {name: np.iinfo(dtype) for name, dtype in DATATYPES.items() if dtype.kind != "f"}

_TENSOR = {"name": str, "datatype": str, "shape": list, "data": list | np.ndarray}

_UNSUPPORTED = frozenset({"classification", "shared_memory_region"})
"""Parameters that would change what a tensor means; others that are unknown have no effect."""


def predict(state: ServingState, body: bytes, _json_length: bytes = b"") -> Reply:
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
    return orjson.dumps({"predictions": predictions, "model": _model(state)}), None


def explain(state: ServingState, body: bytes, _json_length: bytes = b"") -> Reply:
    """Answer V1 explain: each row's log variance as a base and a contribution of each feature."""
    x = _instances(body, state.signature)
    forecaster = state.ready_champion.forecaster
    explained = forecaster.explain(x)
    log_variance = explained.base + explained.contributions.sum(axis=1)
    with np.errstate(over="ignore"):
        _require_plausible(np.exp(log_variance / 2), "instances")
    # A feature that only a baseline reads contributes nothing.
    contributions: Floats = np.zeros(x.shape)
    contributions[:, : explained.contributions.shape[1]] = explained.contributions
    names = forecaster.signature
    # Each row is encoded alone: the encoder holds the interpreter lock, and forecasts would wait.
    rows = (
        orjson.dumps(
            {
                "base_log_variance": explained.base,
                "contributions": dict(zip(names, row, strict=True)),
                "log_variance": total,
            }
        )
        for row, total in zip(contributions.tolist(), log_variance.tolist(), strict=True)
    )
    text = b'{"explanations":[%b],"model":%b}' % (b",".join(rows), orjson.dumps(_model(state)))
    return text, None


def infer(state: ServingState, body: bytes, json_length: bytes = b"") -> Reply:
    """Answer V2 infer: one input per feature, the outputs requested or all of `OUTPUTS`.

    With ``json_length``, the value of Inference-Header-Content-Length, binary tensors follow the
    request's JSON; the answer has some if the request sets so.
    """
    size = _json_length(json_length, body)
    request = json_object(body[:size], '{"inputs": [{"name": "iv", "shape": [1], ...}, ...]}')
    refuse_unknown(request, {"id", "inputs", "model_name", "outputs", "parameters"})
    if request.get("model_name", NAME) != NAME:
        raise field_error(quoted(request["model_name"]), NAME, "model_name")
    binary = _flag(_parameters(request, "request"), "binary_data_output", default=False)
    request_id, outputs = _id(request.get("id")), _outputs(request.get("outputs"), binary)
    inputs = _inputs(request.get("inputs"), memoryview(body)[size:], state.signature)
    x = state.signature.columns(inputs)
    columns = _forecast(state, x, "inputs")
    tensors: list[dict[str, object]] = []
    tail: list[bytes] = []
    for name, is_binary in outputs.items():
        tensor: dict[str, object] = {"name": name, "shape": [len(x)], "datatype": "FP64"}
        if is_binary:
            tail.append(columns[name].astype(DATATYPES["FP64"]).tobytes())
            tensor["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            tensor["data"] = columns[name]
        tensors.append(tensor)
    answer = {
        "model_name": NAME,
        "model_version": state.ready_champion.version.version,
        "id": request_id,
        "outputs": tensors,
    }
    text = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join([text, *tail]), len(text)) if tail else (text, None)


def _forecast(state: ServingState, x: Floats, field: str) -> dict[str, Floats]:
    forecasts = state.ready_champion.forecaster.alone(x)
    columns = {
        "rv_5d": forecasts.rv_5d, "log_variance": forecasts.log_variance, **forecasts.bounds,
    }  # fmt: skip
    _require_plausible(forecasts.rv_5d, field)
    return columns


def _require_plausible(volatility: Floats, field: str) -> None:
    possible = plausible(volatility)
    if not possible.all():
        raise implausible(field, int(possible.argmin()))


def _model(state: ServingState) -> dict[str, str]:
    return {"name": NAME, "version": state.ready_champion.version.version}


def _instances(body: bytes, signature: Signature) -> Floats:
    request = json_object(body, '{"instances": [{"iv": -3.5, ...}]}')
    refuse_unknown(request, {"instances"})
    instances = request.get("instances")
    if not isinstance(instances, list) or not instances:
        raise field_error(quoted(instances), "a list of at least one object", "instances")
    return signature.table(instances)


def _json_length(value: bytes, body: bytes) -> int:
    """Return how much of the body is JSON: all of it without a value."""
    if not value:
        return len(body)
    if value.isdigit() and len(value) < 9 and int(value) <= len(body):
        return int(value)
    raise field_error(
        quoted(value.decode("latin-1")), f"a length of at most {len(body)} bytes, the body's",
        "Inference-Header-Content-Length",
    )  # fmt: skip


def _inputs(inputs: object, tail: memoryview, signature: Signature) -> Mapping[str, Column]:
    tensors: dict[str, dict[str, Any]] = {}
    for position, tensor in enumerate(_objects(inputs, "inputs")):
        if "parameters" in tensor:
            tail = _unpack(tensor, tail, f"inputs.{position}")
        for field, kind in _TENSOR.items():
            if not isinstance(tensor.get(field), kind):
                expected = "a text" if kind is str else "a list"
                found = quoted(tensor.get(field))
                raise field_error(found, expected, f"inputs.{position}.{field}")
        if tensor["name"] in tensors:
            raise field_error("a repeated input", "each feature once", "inputs")
        tensors[tensor["name"]] = tensor
    if tail:
        raise field_error(f"{len(tail)} bytes of no input", "inputs of all bytes sent", "inputs")
    signature.require(tensors, "inputs")
    rows = len(next(iter(tensors.values()))["data"])
    for name, tensor in tensors.items():
        datatype, shape, data = tensor["datatype"], tensor["shape"], tensor["data"]
        if datatype not in DATATYPES:
            raise field_error(quoted(datatype), f"one of {list(DATATYPES)}", name)
        if shape != [rows] or type(shape[0]) is not int or len(data) != rows or not rows:
            expected = f"shape [n] and n values, n at least 1 and {rows} as in the first input"
            raise field_error(f"shape {quoted(shape)} and {len(data)} values", expected, name)
        if datatype in _INTEGERS:
            _require_integers(data, datatype, name)
    return {name: tensor["data"] for name, tensor in tensors.items()}


def _unpack(tensor: dict[str, Any], tail: memoryview, where: str) -> memoryview:
    """Set a binary tensor's data from the head of ``tail``; return what follows."""
    size = _parameters(tensor, where).get("binary_data_size")
    if size is None:
        return tail
    dtype = DATATYPES.get(str(tensor.get("datatype")))
    if dtype is None:
        raise field_error(
            quoted(tensor.get("datatype")), f"one of {list(DATATYPES)}", f"{where}.datatype"
        )
    if type(size) is not int or not 0 <= size <= len(tail) or size % dtype.itemsize:
        raise field_error(
            f"binary_data_size {quoted(size)} of {len(tail)} bytes left",
            f"values of {dtype.itemsize} bytes", f"{where}.parameters",
        )  # fmt: skip
    if "data" in tensor:
        raise field_error("data and binary_data_size", "one of them", where)
    tensor["data"] = np.frombuffer(tail[:size], dtype).astype(np.float64)
    return tail[size:]


def _require_integers(data: Column, datatype: str, name: str) -> None:
    lowest, highest = _INTEGERS[datatype].min, _INTEGERS[datatype].max
    for value in data.tolist() if isinstance(data, np.ndarray) else data:
        if isinstance(value, int | float) and not (value % 1 == 0 and lowest <= value <= highest):
            raise field_error(
                quoted(value), f"integers from {lowest} to {highest}, as {datatype} has them", name
            )


def _parameters(item: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    parameters = item.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise field_error(quoted(parameters), "an object", f"{where}.parameters")
    for name in _UNSUPPORTED & parameters.keys():
        raise field_error(name, "no such parameter: it is not supported", f"{where}.parameters")
    return parameters


def _flag(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if isinstance(value, bool):
        return value
    raise field_error(quoted(value), "true or false", name)


def _objects(items: object, field: str) -> list[dict[str, Any]]:
    if not isinstance(items, list) or not items:
        raise field_error(quoted(items), "a list of at least one object", field)
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise field_error(quoted(item), "an object", f"{field}.{position}")
    return items


def _outputs(outputs: object, binary: bool) -> dict[str, bool]:
    """Return the names of the outputs, and whether each is to be binary."""
    if outputs is None or outputs == []:
        return dict.fromkeys(OUTPUTS, binary)
    chosen: dict[str, bool] = {}
    for item in _objects(outputs, "outputs"):
        name = item.get("name")
        if name not in OUTPUTS:
            raise field_error(f"unknown output {quoted(name)}", f"one of {OUTPUTS}", "outputs")
        if name in chosen:
            raise field_error("a repeated output", "each output once", "outputs")
        chosen[name] = _flag(_parameters(item, "outputs"), "binary_data", default=binary)
    return chosen


def _id(value: object) -> str:
    if value is None:
        return uuid.uuid4().hex
    if isinstance(value, str) and len(value) <= ID_LENGTH and value.isprintable():
        return value
    raise field_error(quoted(value), f"at most {ID_LENGTH} printable characters", "id")
