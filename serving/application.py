"""The ASGI application before every route: limits, tokens and metrics."""

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import metrics
from serving.auth import Guard
from serving.body import header, whole_body
from serving.problems import not_found, of_status, problem, unforeseen
from serving.protocols import Reply
from serving.routes import ForecastRoutes
from serving.tracing import TRACEPARENT, caller_of, end_span, start_span
from volcast.core.errors import Overloaded, VolcastError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_MOST_REQUESTS = 512
"""Open requests that were let in; probes and metrics are answered beyond that."""

_CLIENT_LEFT = 499
_READING = ("GET", "HEAD")
_JSON_LENGTH = b"inference-header-content-length"
_JSON = (b"content-type", b"application/json")
_BINARY = (b"content-type", b"application/octet-stream")

_UNLIMITED = frozenset(
    {"/", "/metrics", "/v1/models/volcast", "/v2/health/live", "/v2/health/ready",
     "/v2/models/volcast/ready"}
)  # fmt: skip
"""Paths of probes and metrics: no token, no limit."""

_DESCRIPTION = ("/docs", "/openapi.json")
"""Paths, or their beginning, that need no token: a browser sends none before it shows a page."""


class Application:
    """ASGI application around the pages.

    Forecasting paths are answered here; other paths that are read go on to the pages. Without a
    guard everyone is let in; with a tracer requests have spans, but for probes and metrics.
    """

    def __init__(
        self, pages: ASGIApp, routes: ForecastRoutes, guard: Guard | None = None,
        tracer: "Tracer | None" = None,
    ) -> None:  # fmt: skip
        self._pages, self._routes, self._guard, self._open = pages, routes, guard, 0
        self._tracer = tracer
        metrics.UNDER_WAY.set_function(lambda: self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        started, response, span = time.perf_counter(), _Response(send), None
        path, method, headers = scope["path"], scope["method"], scope["headers"]
        TRACEPARENT.set(caller_of(headers))
        if self._tracer is not None and path not in _UNLIMITED:
            route = path if path in metrics.ROUTES else "other"
            span = start_span(self._tracer, method, route, headers)
        try:
            await self._answer(scope, receive, response)
        finally:
            elapsed = time.perf_counter() - started
            metrics.observe_request(path, method, response.status, elapsed)
            if span is not None:
                end_span(span, response.status)

    async def _answer(self, scope: Scope, receive: Receive, response: "_Response") -> None:
        path = scope["path"]
        try:
            if path not in _UNLIMITED:
                if self._guard is not None and not path.startswith(_DESCRIPTION):
                    await self._guard.check(scope["headers"])
                if self._open >= _MOST_REQUESTS:
                    metrics.TURNED_AWAY.inc()
                    raise Overloaded(
                        found=f"{_MOST_REQUESTS} open requests", expected="fewer",
                        where="server", remedy="Send it again later.",
                    )  # fmt: skip
            self._open += 1
            try:
                await self._respond(scope, receive, response)
            finally:
                self._open -= 1
        except VolcastError as error:
            await problem(error)(scope, receive, response)
        except Exception as error:
            if response.started:
                raise
            await unforeseen(error)(scope, receive, response)

    async def _respond(self, scope: Scope, receive: Receive, response: "_Response") -> None:
        path, method, headers = scope["path"], scope["method"], scope["headers"]
        methods = self._routes.methods(path)
        if method in methods:
            body = b"" if method in _READING else await whole_body(receive, headers)
            if body is None:
                response.status = _CLIENT_LEFT
                return
            query, json_length = scope["query_string"], header(headers, _JSON_LENGTH)
            await response.reply(await self._routes.answer(path, method, query, body, json_length))
        elif method in _READING and not methods:
            await self._pages(scope, receive, response)
        elif methods or path in metrics.ROUTES:
            allowed = ", ".join(methods or _READING)
            await of_status(HTTPStatus.METHOD_NOT_ALLOWED, allowed)(scope, receive, response)
        else:
            await not_found(path)(scope, receive, response)


class _Response:
    """A ``send`` that adds ``traceparent`` and remembers the status; 500 until one is sent."""

    def __init__(self, send: Send) -> None:
        self._send, self.status, self.started = send, 500, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.started = message["status"], True
            if trace := TRACEPARENT.get():
                traced = (b"traceparent", trace.encode())
                message = {**message, "headers": [*message.get("headers", ()), traced]}
        await self._send(message)

    async def reply(self, reply: Reply) -> None:
        """Send a whole answer."""
        body, json_length = reply
        headers = [_JSON, (b"content-length", b"%d" % len(body))]
        if json_length is not None:
            headers = [_BINARY, headers[1], (_JSON_LENGTH, b"%d" % json_length)]
        await self({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
