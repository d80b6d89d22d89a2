"""The KServe model: predict and explain on named features, V1 and V2."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model
from kserve.utils.utils import generate_uuid
from numpy.typing import NDArray

from serving.inputs import Signature, quoted
from serving.state import InService
from volcast.errors import RequestError
from volcast.models.conformal import BOUNDS
from volcast.models.forecaster import Forecasts
from volcast.registry import Champion
from volcast.registry.versions import NAME

__all__ = ["Batch", "VolcastModel"]

_OUTPUTS = ("rv_5d", "log_variance", *BOUNDS)
_NUMERIC = frozenset({"FP64", "FP32", "INT64", "INT32", "INT16", "INT8"})


@dataclass(frozen=True)
class Batch:
    """Checked rows, bound to the champion that they were checked for.

    Parameters
    ----------
    champion : Champion
    signature : Signature
    x : ndarray of float64, shape (n, k)
        In signature order, null as NaN.
    request : InferRequest or None
        The V2 request, None for V1.
    """

    champion: Champion
    signature: Signature
    x: NDArray[np.float64]
    request: Any = None


class VolcastModel(Model):  # type: ignore[misc]
    """One model that holds one frozen picture of what is in service."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.state = InService(None, {})

    def adopt(self, state: InService) -> None:
        """Serve ``state`` from the next request on."""
        self.state = state
        self.ready = state.champion is not None

    def load(self) -> bool:
        """Say whether a champion is in service; the follower is what loads."""
        return bool(self.ready)

    def get_input_types(self) -> list[dict[str, object]]:
        """Return the signature, one input a feature."""
        names = self.state.signature.names
        return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in names]

    def get_output_types(self) -> list[dict[str, object]]:
        """Return the V2 outputs."""
        return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in _OUTPUTS]

    async def preprocess(self, payload: Any, headers: object = None) -> Batch:  # noqa: ARG002
        """Check a request's features against the signature.

        Raises
        ------
        RequestError
            Naming the field that is wrong.
        """
        state = self.state
        champion, signature = state.ready_champion, state.signature
        if isinstance(payload, InferRequest):
            return Batch(champion, signature, _columns(payload.inputs, signature), payload)
        return Batch(champion, signature, _instances(payload, signature))

    async def predict(self, payload: Batch, *_: object) -> Any:
        """Forecast every row."""
        found = await asyncio.to_thread(payload.champion.forecaster.forecast, payload.x)
        if not np.isfinite([found.rv_5d, *found.bounds.values()]).all():
            raise _wrong(
                "values that give no finite forecast",
                "values near the model's own",
                "instances" if payload.request is None else "inputs",
            )
        if payload.request is not None:
            return _v2(payload, found)
        return {"predictions": _predictions(found), "model": _name(payload.champion)}

    async def explain(self, payload: Batch, *_: object) -> dict[str, object]:
        """Split every row's log variance into the base and one contribution a feature."""
        forecaster = payload.champion.forecaster
        found = await asyncio.to_thread(forecaster.explain, payload.x)
        # What only a baseline reads adds nothing to the forecast.
        nothing = dict.fromkeys(forecaster.signature, 0.0)
        explanations = [
            {
                "base_log_variance": found.base,
                "contributions": nothing | dict(zip(forecaster.recipe.features, row, strict=True)),
                "log_variance": found.base + sum(row),
            }
            for row in found.contributions.tolist()
        ]
        return {"explanations": explanations, "model": _name(payload.champion)}


def _name(champion: Champion) -> dict[str, str]:
    return {"name": NAME, "version": champion.version.version}


def _instances(payload: Mapping[str, Any], signature: Signature) -> NDArray[np.float64]:
    for name in payload:
        if name != "instances":
            raise _wrong(f"unknown field {quoted(name)}", "instances alone", name)
    instances = payload.get("instances")
    if not isinstance(instances, list) or not instances:
        raise _wrong(quoted(instances), "a list of at least one object", "instances")
    return signature.rows(
        [signature.values(one, f"instances[{row}]") for row, one in enumerate(instances)]
    )


def _columns(inputs: Sequence[Any], signature: Signature) -> NDArray[np.float64]:
    by_name = {item.name: item for item in inputs}
    if len(by_name) < len(inputs):
        raise _wrong("an input named twice", "each feature once", "inputs")
    signature.require(by_name, "inputs")
    rows = len(inputs[0].data)
    for item in inputs:
        if item.datatype not in _NUMERIC:
            raise _wrong(quoted(item.datatype), "datatype FP64", item.name)
        if list(item.shape) != [rows] or len(item.data) != rows or not rows:
            raise _wrong(
                f"shape {quoted(item.shape)} and {len(item.data)} values",
                f"shape [n] and n values, n at least 1 and {rows} as in the first input",
                item.name,
            )
    return np.column_stack([signature.column(name, by_name[name].data) for name in signature.names])


def _wrong(found: str, expected: str, field: str) -> RequestError:
    return RequestError(
        found=found, expected=expected, where=field, remedy="Mend the field.", field=field
    )


def _outputs(found: Forecasts) -> dict[str, list[float]]:
    columns = {"rv_5d": found.rv_5d, "log_variance": found.log_variance, **found.bounds}
    return {name: columns[name].tolist() for name in _OUTPUTS}


def _predictions(found: Forecasts) -> list[dict[str, object]]:
    columns = _outputs(found)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [
        {
            "rv_5d": row["rv_5d"],
            "log_variance": row["log_variance"],
            "intervals": {
                "0.80": [row["lo80"], row["hi80"]],
                "0.95": [row["lo95"], row["hi95"]],
            },
        }
        for row in rows
    ]


def _v2(payload: Batch, found: Forecasts) -> Any:
    wanted = [output.name for output in payload.request.request_outputs or ()] or list(_OUTPUTS)
    for name in wanted:
        if name not in _OUTPUTS:
            raise _wrong(f"unknown output {quoted(name)}", f"one of {_OUTPUTS}", "outputs")
    columns = _outputs(found)
    outputs = [InferOutput(name, [len(payload.x)], "FP64", columns[name]) for name in wanted]
    return InferResponse(
        payload.request.id or generate_uuid(),
        NAME,
        outputs,
        model_version=payload.champion.version.version,
    )
