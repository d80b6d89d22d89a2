"""The brief's routes."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from serving.auth import Guard
from serving.body import json_object, unrepeated, whole_body
from serving.brief import metrics
from serving.brief.models import Answer, BriefQuery, Question, SourceQuery, described, validated
from serving.docs import docs_routes
from serving.problems import of_status, problem, unforeseen
from volcast.brief import Library
from volcast.core.errors import Overloaded, RequestError, VolcastError

__all__ = ["application"]

_CLIENT_LEFT = 499
_WAITING = 32
"""Requests that wait for their turn; they are answered one at a time, on one core."""

Answering = Callable[[Request], Awaitable[Response]]


class Desk:
    """Answers from one library, one request after the other, off the event loop."""

    def __init__(self, library: Library, ready: Callable[[], bool]) -> None:
        self._library, self._ready = library, ready
        self._turn, self._waiting = asyncio.Lock(), 0

    async def brief(self, request: Request) -> Response:
        """Answer /daily-brief."""
        query = validated(BriefQuery, unrepeated(request.query_params.multi_items()))
        return _json(await self._run(lambda: self._library.brief(query.symbol, query.as_of)))

    async def qa(self, request: Request) -> Response:
        """Answer /qa, and count the question by its outcome."""
        began, outcome = time.perf_counter(), "failed"
        try:
            body = await whole_body(request.receive, request.headers.raw)
            if body is None:
                outcome = "refused"
                return Response(status_code=_CLIENT_LEFT)
            question = validated(Question, json_object(body, '{"question": "..."}'))
            answer = await self._run(lambda: self._library.ask(question.question, question.as_of))
            outcome = "answered" if answer.answered else "not_in_sources"
            return _json({name: getattr(answer, name) for name in Answer.model_fields})
        except (RequestError, Overloaded):
            outcome = "refused"
            raise
        finally:
            metrics.QUESTIONS.labels(outcome).inc()
            metrics.SECONDS.observe(time.perf_counter() - began)

    async def source(self, request: Request) -> Response:
        """Answer /sources."""
        query = validated(SourceQuery, unrepeated(request.query_params.multi_items()))
        # In a citation that was not percent-encoded, the plus of a time zone arrives as a space.
        id = re.sub(r"(T[\d:.]+) (\d\d:\d\d)", r"\1+\2", query.id)
        return _json(await self._run(lambda: self._library.source(id)))

    async def _run(self, work: Callable[[], Any]) -> Any:
        if self._waiting >= _WAITING or not self._ready():
            raise Overloaded(
                found="too many requests" if self._ready() else "sources that are not read yet",
                expected="a free turn", where="brief", remedy="Send it again later.",
            )  # fmt: skip
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def application(library: Library, guard: Guard | None, ready: Callable[[], bool]) -> Starlette:
    """Return the ASGI application; ``guard`` protects all but probes, metrics and description."""
    desk = Desk(library, ready)

    def guarded(answering: Answering) -> Answering:
        async def answer(request: Request) -> Response:
            if guard is not None:
                await guard.check(request.headers.raw)
            return await answering(request)

        return answer

    def readiness(_: Request) -> Response:
        return PlainTextResponse("ready") if ready() else PlainTextResponse("reading", 503)

    def exposition(_: Request) -> Response:
        return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)

    async def failed(_: Request, error: Exception) -> Response:
        return _problem(error, library.store.uri)

    app = Starlette(
        routes=[
            Route("/daily-brief", guarded(desk.brief)),
            Route("/qa", guarded(desk.qa), methods=["POST"]),
            Route("/sources", guarded(desk.source)),
            *docs_routes(lambda: described(guarded=guard is not None)),
            Route("/metrics", exposition),
            Route("/ready", readiness),
            Route("/", lambda _: PlainTextResponse("alive")),
        ],
        exception_handlers=dict.fromkeys((VolcastError, HTTPException, Exception), failed),
    )
    app.router.redirect_slashes = False  # a redirect would name this server's own address
    return app


def _json(body: object) -> Response:
    # NaN, which rows may hold, becomes null.
    return Response(orjson.dumps(body), media_type="application/json")


def _problem(error: Exception, store: str) -> Response:
    match error:
        case VolcastError():
            return problem(error, hidden=store)
        case HTTPException():
            return of_status(HTTPStatus(error.status_code), (error.headers or {}).get("Allow"))
    return unforeseen(error)
