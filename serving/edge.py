"""What stands before every route: caps on bodies, time and number, tokens, and the metrics."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import metrics
from serving.auth import Guard
from serving.body import whole_body
from serving.plane import Plane
from serving.problems import method_not_allowed, problem, unforeseen
from volcast.core.errors import Overloaded, VolcastError

__all__ = ["Edge"]

_AT_ONCE = 512
"""Requests under way; probes and metrics are answered beyond it."""

_CLIENT_LEFT = 499

_ALWAYS = frozenset(
    {"/", "/metrics", "/v1/models/volcast", "/v2/health/live", "/v2/health/ready",
     "/v2/models/volcast/ready"}
)  # fmt: skip
"""What an orchestrator asks."""


class Edge:
    """ASGI application around KServe's.

    Forecasting paths are answered here. Whatever else there is goes on to KServe, which echoes
    request headers in answers and may forward them; behind this it sees none but a JSON content
    type. A body is read whole, up to the cap, before anything looks at it.

    Parameters
    ----------
    app : ASGIApp
        KServe's.
    plane : Plane
    guard : Guard or None
        Whom to let in, but for what an orchestrator asks; None lets everyone in.
    """

    def __init__(self, app: ASGIApp, plane: Plane, guard: Guard | None = None) -> None:
        self._app, self._plane, self._guard, self._under_way = app, plane, guard, 0
        metrics.UNDER_WAY.set_function(lambda: self._under_way)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, seen = time.perf_counter(), _Seen(send)
        self._under_way += 1
        try:
            await self._answer(scope, receive, seen)
        finally:
            self._under_way -= 1
            elapsed = time.perf_counter() - started
            metrics.observe_request(scope["path"], scope["method"], seen.status, elapsed)

    async def _answer(self, scope: Scope, receive: Receive, send: "_Seen") -> None:
        path, method = scope["path"], scope["method"]
        try:
            if path not in _ALWAYS:
                self._refuse_too_many()
                if self._guard is not None:
                    await self._guard.check(scope["headers"])
            body = b"" if method in {"GET", "HEAD"} else await whole_body(receive)
            if body is None:
                send.status = _CLIENT_LEFT
                return
            methods = self._plane.methods(path)
            if not methods:
                inner = {**scope, "headers": _headers(body)}
                await self._app(inner, _Replay(body, receive), send)
            elif method not in methods:
                await method_not_allowed(", ".join(methods))(scope, receive, send)
            else:
                await send.json(await self._plane.answer(path, method, scope["query_string"], body))
        except VolcastError as error:
            await problem(error)(scope, receive, send)
        except Exception as error:
            if send.begun:
                raise
            await unforeseen(error)(scope, receive, send)

    def _refuse_too_many(self) -> None:
        if self._under_way > _AT_ONCE:
            metrics.TURNED_AWAY.inc()
            raise Overloaded(
                found=f"more than {_AT_ONCE} requests under way", expected="fewer",
                where="server", remedy="Send it again later.",
            )  # fmt: skip


class _Seen:
    """A ``send`` that remembers the status; 500 until one is sent."""

    def __init__(self, send: Send) -> None:
        self._send, self.status, self.begun = send, 500, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.begun = message["status"], True
        await self._send(message)

    async def json(self, body: bytes) -> None:
        """Send a whole answer."""
        self.status, self.begun = 200, True
        headers = [(b"content-type", b"application/json"), _length(body)]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


class _Replay:
    """A ``receive`` that gives the body already read, then whatever follows."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _headers(body: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", b"application/json"), _length(body)]


def _length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(body))
