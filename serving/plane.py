"""The paths that forecast, answered before any framework is entered.

KServe's routes cost four times what the model does: pydantic models of each request, a header map,
a response class, three middlewares. These take a body and give a body.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import parse_qsl

import orjson

from serving import metrics, verbs
from serving.model import VolcastModel
from serving.predict import Answers, Question
from serving.state import InService
from volcast.core.errors import Overloaded
from volcast.registry.versions import NAME

__all__ = ["Plane", "Workers"]

_SMALL = 16_384
"""Bytes of a body that is answered at once; what comes of a larger one would hold others up."""

_KEPT = 256
"""Answers kept for the questions asked again while nothing changes."""

_NICE = 19

Result = TypeVar("Result")


class Workers:
    """Threads for what would hold the event loop up; a bounded number of jobs may wait for them.

    Parameters
    ----------
    threads : int
        How many run at once.
    waiting : int
        How many more are taken before the next is turned away.
    seconds : float
        After which an answer is no longer waited for.
    """

    def __init__(self, threads: int = 2, waiting: int = 32, seconds: float = 20.0) -> None:
        self._pool = ThreadPoolExecutor(threads, "volcast-worker", _give_way)
        self._room, self._seconds = threads + waiting, seconds

    async def run(self, job: Callable[..., Result], *arguments: object) -> Result:
        """Run ``job`` in a thread and wait for it.

        Raises
        ------
        Overloaded
            If too many wait already, or the answer takes too long.
        """
        if not self._room:
            metrics.TURNED_AWAY.inc()
            raise _busy("more work than can wait")
        self._room -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, job, *arguments)
        # The room is given back when the job ends, not when it is given up: it still runs.
        future.add_done_callback(self._ended)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._seconds)
        except TimeoutError:
            raise _busy(f"no answer in {self._seconds:g} seconds") from None

    def _ended(self, future: "asyncio.Future[Result]") -> None:
        self._room += 1
        if not future.cancelled():
            future.exception()  # looked at, so that one given up is not reported as unseen


def _give_way() -> None:
    """Let the event loop's thread go first wherever both want the processor."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _busy(found: str) -> Overloaded:
    return Overloaded(
        found=found, expected="room for the request", where="server",
        remedy="Send it again later, or fewer at a time.",
    )  # fmt: skip


class Plane:
    """Answers one request of a forecasting path.

    Parameters
    ----------
    answers : Answers
        For /predict.
    model : VolcastModel
        Holds what is in service.
    workers : Workers
    """

    def __init__(self, answers: Answers, model: VolcastModel, workers: Workers) -> None:
        self._answers, self._model, self._workers = answers, model, workers
        self._kept: dict[bytes, bytes] = {}
        self._kept_of: InService | None = None
        self._posts: Mapping[str, Callable[[bytes], Awaitable[bytes]]] = {
            "/predict": self._asked,
            f"/v1/models/{NAME}:predict": self._predict,
            f"/v1/models/{NAME}:explain": self._explain,
            f"/v2/models/{NAME}/infer": self._infer,
        }

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path takes here; none for a path of others."""
        if path == "/predict":
            return ("GET", "HEAD", "POST")
        return ("POST",) if path in self._posts else ()

    async def answer(self, path: str, method: str, query: bytes, body: bytes) -> bytes:
        """Return the JSON body of the answer.

        Raises
        ------
        VolcastError
            Whatever is wrong with the request or with what it needs.
        """
        if method != "POST":
            return await self._queried(query)
        return await self._posts[path](body)

    async def _queried(self, query: bytes) -> bytes:
        state = self._model.state
        if state is not self._kept_of:
            self._kept, self._kept_of = {}, state
        kept = self._kept.get(query)
        if kept is None:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
            question = Question.of_query(pairs)
            kept = await self._reply(question)
            # What is asked of the present alone: a past day may be published anew.
            if question.as_of is None and self._model.state is state and len(self._kept) < _KEPT:
                self._kept[query] = kept
        return kept

    async def _asked(self, body: bytes) -> bytes:
        if len(body) > _SMALL:
            return await self._reply(await self._workers.run(Question.of_body, body))
        return await self._reply(Question.of_body(body))

    async def _reply(self, question: Question) -> bytes:
        if question.as_of is not None and question.features is None:
            answer = await self._workers.run(self._answers.answer, question)
        else:
            answer = self._answers.answer(question)
        return orjson.dumps(answer)

    async def _predict(self, body: bytes) -> bytes:
        return await self._sized(verbs.predict, body)

    async def _infer(self, body: bytes) -> bytes:
        return await self._sized(verbs.infer, body)

    async def _explain(self, body: bytes) -> bytes:
        return await self._workers.run(verbs.explain, self._model.state, body)

    async def _sized(self, verb: Callable[[InService, bytes], bytes], body: bytes) -> bytes:
        if len(body) > _SMALL:
            return await self._workers.run(verb, self._model.state, body)
        return verb(self._model.state, body)
