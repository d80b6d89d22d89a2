"""The brief's routes."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from serving.auth import Guard
from serving.body import whole_body
from serving.brief import metrics
from serving.brief.models import BriefQuery, SourceQuery, described, read_body, read_query
from serving.openapi import page
from serving.problems import of_status, problem, unforeseen
from volcast.brief import Answer, Library
from volcast.core.errors import NotFound, Overloaded, RequestError, VolcastError

__all__ = ["application"]

_CLIENT_LEFT = 499
_WAITING = 32
"""Requests that wait for their turn; they are answered one at a time, on one core."""

Answering = Callable[[Request], Awaitable[Response]]


class Desk:
    """One library, used by one request after the other, off the event loop.

    Parameters
    ----------
    library : Library
    ready : callable
        Whether the documents were read once.
    """

    def __init__(self, library: Library, ready: Callable[[], bool]) -> None:
        self.library, self.ready = library, ready
        self._turn, self._waiting = asyncio.Lock(), 0

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


def application(library: Library, guard: Guard | None, ready: Callable[[], bool]) -> Starlette:
    """Return the ASGI application; ``guard`` protects all but probes and metrics."""
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
        query = read_query(request.scope["query_string"], BriefQuery)
        return _json(asdict(await desk.run(lambda: desk.library.brief(query.symbol, query.as_of))))

    return answer


def _qa(desk: Desk) -> Answering:
    async def answer(request: Request) -> Response:
        began, outcome = time.perf_counter(), "failed"
        try:
            body = await whole_body(request.receive)
            if body is None:
                outcome = "refused"
                return Response(status_code=_CLIENT_LEFT)
            question = read_body(body)
            reply: Answer = await desk.run(
                lambda: desk.library.ask(question.question, question.as_of)
            )
            outcome = "answered" if reply.answered else "not_in_sources"
            return _json({**asdict(reply), "answered": reply.answered, "text": reply.text})
        except (RequestError, Overloaded):
            outcome = "refused"
            raise
        finally:
            metrics.count(outcome, time.perf_counter() - began)

    return answer


def _source(desk: Desk) -> Answering:
    async def answer(request: Request) -> Response:
        query = read_query(request.scope["query_string"], SourceQuery)
        # In a citation that was not percent-encoded, the plus of a time zone arrives as a space.
        id = re.sub(r"(T[\d:.]+) (\d\d:\d\d)", r"\1+\2", query.id)
        return _json(asdict(await desk.run(lambda: desk.library.source(id))))

    return answer


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
    return of_status(HTTPStatus.METHOD_NOT_ALLOWED, headers.get("Allow", ""))


async def _unforeseen(_: Request, error: Exception) -> Response:
    return unforeseen(error)
