"""The paths that forecast, answered from bytes to bytes before any framework is entered.

The routes of KServe's package cost four times what the model does: pydantic models of each request,
a header map, a response class, three middlewares.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar
from urllib.parse import parse_qsl

import orjson

from serving import metrics, protocols
from serving.predict import ForecastRequest, ForecastService
from serving.protocols import Reply
from serving.state import ServingState, VolcastModel
from volcast.core.errors import Overloaded
from volcast.registry.versions import NAME

Result = TypeVar("Result")

_SMALL = 16_384
"""Bytes of a body that is answered in the event loop; larger ones go to a worker thread."""

_CACHED = 256

_PREDICT = "/predict"
_PROTOCOLS: dict[str, Callable[[ServingState, bytes, bytes], Reply]] = {
    f"/v1/models/{NAME}:predict": protocols.predict,
    f"/v1/models/{NAME}:explain": protocols.explain,
    f"/v2/models/{NAME}/infer": protocols.infer,
}


class Workers:
    """A thread pool with places for ``waiting`` jobs, whose callers wait for ``seconds``."""

    def __init__(self, threads: int = 2, waiting: int = 32, seconds: float = 20.0) -> None:
        self._pool = ThreadPoolExecutor(threads, "volcast-worker", _lower_priority)
        self._free, self._seconds = threads + waiting, seconds

    async def run(self, job: Callable[..., Result], *arguments: object) -> Result:
        """Run ``job`` in a thread and wait; Overloaded if too many wait, or it takes too long."""
        if not self._free:
            metrics.TURNED_AWAY.inc()
            raise _overloaded("more work than can wait")
        self._free -= 1
        run = copy_context().run  # log lines of the job have the request's trace id
        future = asyncio.get_running_loop().run_in_executor(self._pool, run, job, *arguments)
        # A job that is no longer waited for still runs: its place is free when it ends.
        future.add_done_callback(self._release)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._seconds)
        except TimeoutError:
            raise _overloaded(f"no answer in {self._seconds:g} seconds") from None

    def _release(self, future: "asyncio.Future[Result]") -> None:
        self._free += 1
        if not future.cancelled():
            future.exception()  # read, so that asyncio does not report it as never retrieved


def _lower_priority() -> None:
    """Let the event loop's thread go first wherever both want the processor."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _overloaded(found: str) -> Overloaded:
    return Overloaded(
        found=found, expected="room for the request", where="server",
        remedy="Send it again later, or fewer at a time.",
    )  # fmt: skip


class ForecastRoutes:
    """Answers one request of a forecasting path, /predict by the service."""

    def __init__(self, service: ForecastService, model: VolcastModel, workers: Workers) -> None:
        self._service, self._model, self._workers = service, model, workers
        self._cache: dict[bytes, bytes] = {}
        self._cache_state: ServingState | None = None

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path takes here; none for other paths."""
        if path == _PREDICT:
            return ("GET", "HEAD", "POST")
        return ("POST",) if path in _PROTOCOLS else ()

    async def answer(
        self, path: str, method: str, query: bytes, body: bytes, json_length: bytes
    ) -> Reply:
        """Return the answer; ``json_length`` is the header that goes with binary tensors."""
        if method != "POST":
            return await self._answer_query(query), None
        large = len(body) > _SMALL
        if path == _PREDICT:
            read = ForecastRequest.of_body
            request = await self._workers.run(read, body) if large else read(body)
            return await self._forecast(request), None
        respond = _PROTOCOLS[path]
        if large or respond is protocols.explain:
            return await self._workers.run(respond, self._model.state, body, json_length)
        return respond(self._model.state, body, json_length)

    async def _answer_query(self, query: bytes) -> bytes:
        state = self._model.state
        if state is not self._cache_state:
            self._cache, self._cache_state = {}, state
        answer = self._cache.get(query)
        if answer is None:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
            request = ForecastRequest.of_query(pairs)
            answer = await self._forecast(request)
            # Only for the present: the forecast of a past day may be published again.
            if request.as_of is None and self._model.state is state and len(self._cache) < _CACHED:
                self._cache[query] = answer
        return answer

    async def _forecast(self, request: ForecastRequest) -> bytes:
        if request.as_of is not None and request.features is None:
            return orjson.dumps(await self._workers.run(self._service.answer, request))
        return orjson.dumps(self._service.answer(request))
