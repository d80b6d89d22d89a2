"""The brief's routes."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from serving.auth import Guard
from serving.body import plain_date, whole_body
from serving.brief import metrics
from serving.brief.document import described
from serving.brief.request import asked, queried
from serving.openapi import page
from serving.problems import method_not_allowed, problem, unforeseen
from volcast.brief import Answer, Brief, Library, Sentence, Source
from volcast.brief.prose import rewritten
from volcast.core.errors import NotFound, Overloaded, RequestError, VolcastError

__all__ = ["WRITING", "application"]

_CLIENT_LEFT = 499
_WAITING = 32
"""Requests that wait for their turn; each is answered alone, for a thread more is no faster."""
WRITING = 8
"""Answers that an endpoint words at a time, each in a thread of its own."""

Answering = Callable[[Request], Awaitable[Response]]


class Desk:
    """One library, asked by one request after the other off the event loop.

    Parameters
    ----------
    library : Library
    ready : callable
        Whether the library was read once.
    """

    def __init__(self, library: Library, ready: Callable[[], bool]) -> None:
        self.library, self.ready = library, ready
        self._turn, self._waiting = asyncio.Lock(), 0
        self._writers, self._writing = ThreadPoolExecutor(WRITING, "prose"), 0

    async def run(self, work: Callable[[], Any]) -> Any:
        """Do ``work`` in its turn.

        Raises
        ------
        Overloaded
            If too many wait, or nothing was read yet.
        """
        if self._waiting >= _WAITING or not self.ready():
            raise Overloaded(
                found="too many requests" if self.ready() else "sources that are still being read",
                expected="a free turn", where="brief", remedy="Send it again later.",
            )  # fmt: skip
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

    async def word(self, found: Answer) -> Answer:
        """Have an endpoint word an answer, out of turn: however long it takes, others go on."""
        writer = self.library.writer
        if writer is None or not found.answered:
            return found
        if self._writing >= WRITING:
            return replace(found, note="The endpoint that writes prose was busy.")
        self._writing += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._writers, rewritten, found, writer)
        finally:
            self._writing -= 1


def application(library: Library, guard: Guard | None, ready: Callable[[], bool]) -> Starlette:
    """Return the ASGI application; ``guard`` stands before all but probes and metrics."""
    desk = Desk(library, ready)
    openapi = described()
    return Starlette(
        routes=[
            Route("/daily-brief", _guarded(_brief(desk), guard), methods=["GET"]),
            Route("/qa", _guarded(_qa(desk), guard), methods=["POST"]),
            Route("/sources", _guarded(_source(desk), guard), methods=["GET"]),
            Route("/openapi.json", _always(JSONResponse(openapi)), methods=["GET"]),
            Route("/docs", _always(HTMLResponse(page(openapi))), methods=["GET"]),
            Route("/metrics", _metrics, methods=["GET"]),
            Route("/ready", _ready(ready), methods=["GET"]),
            Route("/", _always(PlainTextResponse("alive")), methods=["GET"]),
        ],
        exception_handlers={404: _no_path, 405: _wrong_method, Exception: _unforeseen},
    )


def _guarded(answering: Answering, guard: Guard | None) -> Answering:
    async def answer(request: Request) -> Response:
        try:
            if guard is not None:
                await guard.check(request.headers.raw)
            return await answering(request)
        except VolcastError as error:
            return problem(error)

    return answer


def _brief(desk: Desk) -> Answering:
    async def answer(request: Request) -> Response:
        given = queried(request.scope["query_string"], {"symbol", "as_of"})
        symbol, day = given.get("symbol"), given.get("as_of")
        if symbol is not None and not symbol:
            raise RequestError(
                found="an empty symbol", expected="a symbol such as SPY", where="symbol",
                remedy="Name one, or leave it out.", field="symbol",
            )  # fmt: skip
        as_of = None if day is None else plain_date(day, "as_of")
        return _json(_brief_body(await desk.run(lambda: desk.library.brief(symbol, as_of))))

    return answer


def _qa(desk: Desk) -> Answering:
    async def answer(request: Request) -> Response:
        began, outcome = time.perf_counter(), "failed"
        try:
            body = await whole_body(request.receive)
            if body is None:
                outcome = "refused"
                return Response(status_code=_CLIENT_LEFT)
            given = asked(body)
            quoted = await desk.run(lambda: desk.library.quote(given.question, given.as_of))
            found = await desk.word(quoted)
            outcome = "answered" if found.answered else "not_in_sources"
            return _json(_answer_body(found))
        except (RequestError, Overloaded):
            outcome = "refused"
            raise
        finally:
            metrics.count(outcome, time.perf_counter() - began)

    return answer


def _source(desk: Desk) -> Answering:
    async def answer(request: Request) -> Response:
        given = queried(request.scope["query_string"], {"id"})
        if not given.get("id"):
            raise RequestError(
                found="no id", expected="a citation", where="id",
                remedy="Take it from an answer as it is, percent-encoded.", field="id",
            )  # fmt: skip
        # Of a citation that was not percent-encoded, the plus of a time zone came as a space.
        id = re.sub(r"(T[\d:.]+) (\d\d:\d\d)", r"\1+\2", given["id"])
        found: Source = await desk.run(lambda: desk.library.source(id))
        return _json(asdict(found))

    return answer


def _brief_body(brief: Brief) -> dict[str, Any]:
    return {
        "symbol": brief.symbol,
        "as_of": brief.as_of,
        "sections": [
            {"title": one.title, "sentences": _sentences(one.sentences)} for one in brief.sections
        ],
        "missing": [asdict(one) for one in brief.missing],
    }


def _answer_body(found: Answer) -> dict[str, Any]:
    return {
        "question": found.question,
        "answered": found.answered,
        "text": found.text,
        "sentences": _sentences(found.sentences),
        "written_by": found.written_by,
        "note": found.note,
    }


def _sentences(said: tuple[Sentence, ...]) -> list[dict[str, Any]]:
    return [{"text": one.text, "citations": list(one.citations)} for one in said]


def _json(body: dict[str, Any]) -> Response:
    # NaN, which rows may hold, becomes null.
    return Response(orjson.dumps(body), media_type="application/json")


def _always(response: Response) -> Answering:
    async def answer(_: Request) -> Response:
        return response

    return answer


def _ready(ready: Callable[[], bool]) -> Answering:
    async def answer(_: Request) -> Response:
        return PlainTextResponse("ready" if ready() else "reading", 200 if ready() else 503)

    return answer


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)


async def _no_path(_: Request, __: Exception) -> Response:
    return problem(
        NotFound(
            found="an unknown path", expected="one of /docs", where="path",
            remedy="See /docs for the paths there are.",
        )
    )  # fmt: skip


async def _wrong_method(_: Request, error: Exception) -> Response:
    headers = (error.headers or {}) if isinstance(error, HTTPException) else {}
    return method_not_allowed(headers.get("Allow", ""))


async def _unforeseen(_: Request, error: Exception) -> Response:
    return unforeseen(error)
