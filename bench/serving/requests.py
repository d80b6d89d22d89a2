"""The requests of each server, as bytes made before anything is timed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.serving.load import http_request
from bench.serving.servers import FASTAPI, KSERVE, MLSERVER, MLSERVER_WORKER, OURS
from bench.serving.stores import Subject

__all__ = ["GET", "POST", "V1", "V2", "V2_BINARY", "Case", "Requests"]

GET = f"{OURS} GET by symbol"
POST = f"{OURS} POST features"
V1 = f"{OURS} V1"
V2 = f"{OURS} V2"
V2_BINARY = f"{OURS} V2, binary tensors"

_DIFFERENT = 64
"""Requests sent in turn, so that no server answers one row from memory."""


@dataclass(frozen=True)
class Case:
    """One way to ask one server for the same: requests sent in turn."""

    server: str
    requests: Sequence[bytes]


@dataclass(frozen=True)
class Requests:
    """Requests about a subject's rows."""

    subject: Subject

    def one_row(self) -> dict[str, Case]:
        """Return every way to ask for the forecast of one row."""
        return {
            GET: Case(OURS, [http_request("GET", f"/predict?symbol={self.subject.symbol}")]),
            POST: self._case(OURS, "/predict", self._features, 1),
            V1: self._case(OURS, "/v1/models/volcast:predict", self._named, 1),
            V2: self._case(OURS, "/v2/models/volcast/infer", self._columns, 1),
            KSERVE: self._case(KSERVE, "/v1/models/volcast:predict", self._bare, 1),
            FASTAPI: self._case(FASTAPI, "/predict", self._bare, 1),
            MLSERVER: self._case(MLSERVER, "/v2/models/volcast/infer", self._tensor, 1),
        }

    def one_row_of_a_worker(self) -> dict[str, Case]:
        """Return how to ask MLServer with its default of workers."""
        path = "/v2/models/volcast/infer"
        return {MLSERVER_WORKER: self._case(MLSERVER_WORKER, path, self._tensor, 1)}

    def many_rows(self, rows: int) -> dict[str, Case]:
        """Return how to ask each server for many forecasts at a time."""
        return {
            V2: self._case(OURS, "/v2/models/volcast/infer", self._columns, rows),
            V2_BINARY: Case(OURS, [self._binary(which) for which in self._slices(rows)]),
            KSERVE: self._case(KSERVE, "/v1/models/volcast:predict", self._bare, rows),
            FASTAPI: self._case(FASTAPI, "/predict", self._bare, rows),
            MLSERVER: self._case(MLSERVER, "/v2/models/volcast/infer", self._tensor, rows),
        }

    def explain(self, rows: int) -> dict[str, Case]:
        """Return how to ask for the reasons of so many rows."""
        path = "/v1/models/volcast:explain"
        return {
            OURS: self._case(OURS, path, self._named, rows),
            KSERVE: self._case(KSERVE, path, self._bare, rows),
        }

    def _case(self, server: str, path: str, body: Callable[[slice], object], rows: int) -> Case:
        bodies = [_json(body(which)) for which in self._slices(rows)]
        return Case(server, [http_request("POST", path, one) for one in bodies])

    def _slices(self, rows: int) -> list[slice]:
        starts = min(len(self.subject.x) - rows + 1, _DIFFERENT)
        return [slice(at, at + rows) for at in range(starts)]

    def _binary(self, which: slice) -> bytes:
        """Return the request of `_columns` with binary tensors, the answer's too."""
        columns = [column.astype("<f8").tobytes() for column in self.subject.x[which].T]
        shape = [which.stop - which.start]
        inputs = [
            {"name": name, "datatype": "FP64", "shape": shape,
             "parameters": {"binary_data_size": len(column)}}
            for name, column in zip(self.subject.names, columns, strict=True)
        ]  # fmt: skip
        output = {"name": "rv_5d", "parameters": {"binary_data": True}}
        head = _json({"inputs": inputs, "outputs": [output]})
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)),
        }
        path = "/v2/models/volcast/infer"
        return http_request("POST", path, b"".join([head, *columns]), headers)

    def _features(self, which: slice) -> object:
        return {"symbol": self.subject.symbol, "features": self._objects(which)[0]}

    def _named(self, which: slice) -> object:
        return {"instances": self._objects(which)}

    def _objects(self, which: slice) -> list[Mapping[str, float]]:
        rows = self.subject.x[which].tolist()
        return [dict(zip(self.subject.names, row, strict=True)) for row in rows]

    def _columns(self, which: slice) -> object:
        columns = zip(self.subject.names, self.subject.x[which].T, strict=True)
        inputs = [_tensor(name, column) for name, column in columns]
        # One number a row, as the others give; without it ours answers six.
        return {"inputs": inputs, "outputs": [{"name": "rv_5d"}]}

    def _bare(self, which: slice) -> object:
        return {"instances": self.subject.tree_x[which].tolist()}

    def _tensor(self, which: slice) -> object:
        return {"inputs": [_tensor("rows", self.subject.tree_x[which])]}


def _json(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _tensor(name: str, values: NDArray[np.float64]) -> dict[str, object]:
    data = values.ravel().tolist()
    return {"name": name, "datatype": "FP64", "shape": list(values.shape), "data": data}
