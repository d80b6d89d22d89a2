"""The verbs of KServe's protocols on named features: V1 predict and explain, V2 infer."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.inputs import Signature, has_booleans, json_object, quoted
from serving.state import InService
from volcast.core.errors import RequestError
from volcast.models.forecaster import Forecasts
from volcast.models.intervals import BOUNDS
from volcast.registry.versions import NAME

__all__ = ["ID_LENGTH", "OUTPUTS", "explain", "infer", "predict"]

Floats = NDArray[np.float64]

OUTPUTS = ("rv_5d", "log_variance", *BOUNDS)
"""What V2 answers, in this order."""

_NUMERIC = frozenset({"FP64", "FP32", "INT64", "INT32", "INT16", "INT8"})
ID_LENGTH = 256


def predict(state: InService, body: bytes) -> bytes:
    """Answer V1 predict: a forecast and its intervals for each instance.

    Raises
    ------
    ModelError
        Without a champion.
    RequestError
        Naming the field that is wrong.
    """
    x = _instances(body, state.signature)
    found = _columns(state, x, "instances")
    predictions = [
        {
            "rv_5d": rv_5d,
            "log_variance": log_variance,
            "intervals": {"0.80": [lo80, hi80], "0.95": [lo95, hi95]},
        }
        for rv_5d, log_variance, lo80, hi80, lo95, hi95 in zip(
            *(found[name].tolist() for name in _IN_ORDER), strict=True
        )
    ]
    return b'{"predictions":%b,"model":%b}' % (orjson.dumps(predictions), _name(state))


_IN_ORDER = ("rv_5d", "log_variance", "lo80", "hi80", "lo95", "hi95")


def explain(state: InService, body: bytes) -> bytes:
    """Answer V1 explain: each row's log variance as a base and a contribution a feature.

    Raises
    ------
    ModelError
        Without a champion.
    RequestError
        Naming the field that is wrong.
    """
    x = _instances(body, state.signature)
    forecaster = state.ready_champion.forecaster
    found = forecaster.explain(x)
    if not np.isfinite(found.contributions).all():
        raise _far("instances")
    # What only a baseline reads adds nothing to the forecast.
    nothing = dict.fromkeys(forecaster.signature, 0.0)
    names = forecaster.recipe.features
    totals = (found.base + found.contributions.sum(axis=1)).tolist()
    # A row at a time: the encoder keeps the interpreter to itself until it is done, and forecasts
    # asked for meanwhile would wait.
    explanations = (
        orjson.dumps(
            {
                "base_log_variance": found.base,
                "contributions": nothing | dict(zip(names, row, strict=True)),
                "log_variance": total,
            }
        )
        for row, total in zip(found.contributions.tolist(), totals, strict=True)
    )
    return b'{"explanations":[%b],"model":%b}' % (b",".join(explanations), _name(state))


def infer(state: InService, body: bytes) -> bytes:
    """Answer V2 infer: one input a feature, one output each of `OUTPUTS` or those asked for.

    Raises
    ------
    ModelError
        Without a champion.
    RequestError
        Naming the field that is wrong.
    """
    asked = json_object(body)
    for name in asked:
        if name not in {"id", "inputs", "outputs", "parameters"}:
            raise _wrong(f"unknown field {quoted(name)}", "a request of the V2 protocol", name)
    named, wanted = _identity(asked.get("id")), _wanted(asked.get("outputs"))
    data = _inputs(asked.get("inputs"), state.signature)
    x = state.signature.columns(data, booleans=has_booleans(body))
    found = _columns(state, x, "inputs")
    outputs = [
        {"name": name, "shape": [len(x)], "datatype": "FP64", "data": found[name]}
        for name in wanted
    ]
    version = state.ready_champion.version.version
    answer = {"model_name": NAME, "model_version": version, "id": named, "outputs": outputs}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _columns(state: InService, x: Floats, field: str) -> dict[str, Floats]:
    found: Forecasts = state.ready_champion.forecaster.alone(x)
    columns = {"rv_5d": found.rv_5d, "log_variance": found.log_variance, **found.bounds}
    if not all(np.isfinite(values).all() for values in columns.values()):
        raise _far(field)
    return columns


def _name(state: InService) -> bytes:
    return orjson.dumps({"name": NAME, "version": state.ready_champion.version.version})


def _instances(body: bytes, signature: Signature) -> Floats:
    payload = json_object(body)
    for name in payload:
        if name != "instances":
            raise _wrong(f"unknown field {quoted(name)}", "instances alone", name)
    instances = payload.get("instances")
    if not isinstance(instances, list) or not instances:
        raise _wrong(quoted(instances), "a list of at least one object", "instances")
    return signature.table(instances, booleans=has_booleans(body))


def _inputs(inputs: object, signature: Signature) -> Mapping[str, Sequence[object]]:
    by_name: dict[str, Sequence[object]] = {}
    for position, item in enumerate(_objects(inputs, "inputs")):
        where = f"inputs.{position}"
        name, shape, data = item.get("name"), item.get("shape"), item.get("data")
        if not isinstance(name, str):
            raise _wrong(quoted(name), "the name of a feature", f"{where}.name")
        if not isinstance(item.get("datatype"), str):
            raise _wrong(quoted(item.get("datatype")), "datatype FP64", f"{where}.datatype")
        if not isinstance(shape, list):
            raise _wrong(quoted(shape), "shape [n]", f"{where}.shape")
        if not isinstance(data, list):
            raise _wrong(quoted(data), "a list of values", f"{where}.data")
        if name in by_name:
            raise _wrong("an input named twice", "each feature once", "inputs")
        by_name[name] = data
    signature.require(by_name, "inputs")
    rows = len(next(iter(by_name.values())))
    for item in inputs:  # type: ignore[attr-defined]
        _check(item, rows)
    return by_name


def _check(item: Mapping[str, Any], rows: int) -> None:
    if item["datatype"] not in _NUMERIC:
        raise _wrong(quoted(item["datatype"]), "datatype FP64", item["name"])
    fits = item["shape"] == [rows] and type(item["shape"][0]) is int
    if not fits or len(item["data"]) != rows or not rows:
        raise _wrong(
            f"shape {quoted(item['shape'])} and {len(item['data'])} values",
            f"shape [n] and n values, n at least 1 and {rows} as in the first input",
            item["name"],
        )


def _objects(given: object, field: str) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not given:
        raise _wrong(quoted(given), "a list of at least one object", field)
    for position, item in enumerate(given):
        if not isinstance(item, dict):
            raise _wrong(quoted(item), "an object", f"{field}.{position}")
    return given


def _wanted(outputs: object) -> Sequence[str]:
    if outputs is None or outputs == []:
        return OUTPUTS
    names = [item.get("name") for item in _objects(outputs, "outputs")]
    for name in names:
        if name not in OUTPUTS:
            raise _wrong(f"unknown output {quoted(name)}", f"one of {OUTPUTS}", "outputs")
    if len(set(names)) < len(names):
        raise _wrong("an output named twice", "each output once", "outputs")
    return names  # type: ignore[return-value]


def _identity(given: object) -> str:
    """Return the id that the answer carries."""
    if given is None:
        return uuid.uuid4().hex
    if isinstance(given, str) and len(given) <= ID_LENGTH and given.isprintable():
        return given
    raise _wrong(quoted(given), f"a text of at most {ID_LENGTH} printable characters", "id")


def _far(field: str) -> RequestError:
    return _wrong("values that give no finite forecast", "values near the model's own", field)


def _wrong(found: str, expected: str, field: str) -> RequestError:
    return RequestError(
        found=found, expected=expected, where=field, remedy="Mend the field.", field=field
    )
