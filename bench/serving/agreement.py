"""All servers answer one row with the number of the library."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from bench.serving.load import closed_loop
from bench.serving.requests import GET, POST, V1, V2, Case
from bench.serving.servers import FASTAPI, KSERVE, MLSERVER, Running
from bench.serving.stores import Subject

__all__ = ["answer", "require_agreement"]

_OF_OURS = 1e-9
_OF_SINGLE_PRECISION = 1e-5

_READ: Mapping[str, Callable[[Any], float]] = {
    GET: lambda body: body["rv_5d"],
    POST: lambda body: body["rv_5d"],
    V1: lambda body: body["predictions"][0]["rv_5d"],
    V2: lambda body: next(o["data"][0] for o in body["outputs"] if o["name"] == "rv_5d"),
    KSERVE: lambda body: body["predictions"][0],
    FASTAPI: lambda body: body["predictions"][0],
    MLSERVER: lambda body: body["outputs"][0]["data"][0],
}


def answer(way: str, body: bytes) -> tuple[str | None, float]:
    """Return the version in an answer, if any, and its first number.

    ``way`` is one of the names of `Requests.one_row`.
    """
    content = json.loads(body)
    version = content.get("model_version") or content.get("model", {}).get("version")
    return version, _READ[way](content)


def require_agreement(
    subject: Subject, servers: Mapping[str, Running], cases: Mapping[str, Case]
) -> None:
    """Ask each way for its first rows; RuntimeError where an answer is not the library's."""
    volatility = subject.forecaster.forecast(subject.x).rv_5d.tolist()
    margin = subject.forecaster.blend.trees.booster.inplace_predict(subject.tree_x).tolist()
    for way, case in cases.items():
        if way == GET:
            continue  # its row is that of the online store
        ours = way in {POST, V1, V2}
        expected, tolerance = (volatility, _OF_OURS) if ours else (margin, _OF_SINGLE_PRECISION)

        def check(at: int, body: bytes, way: str = way, expected: Any = expected,
                  tolerance: float = tolerance) -> None:  # fmt: skip
            number = answer(way, body)[1]
            if not abs(number - expected[at]) <= tolerance:
                raise RuntimeError(f"{way} answers {number} where the library has {expected[at]}")

        port, least = servers[case.server].port, len(case.requests)
        asyncio.run(closed_loop(port, case.requests, 1, 0.0, least=least, check=check))
