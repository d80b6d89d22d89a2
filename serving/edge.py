"""What stands before every route: a cap on the body, no request headers, and the metrics."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import observe_request
from serving.problems import problem
from volcast.errors import RequestTooLarge

__all__ = ["BODY_CAP", "Edge"]

BODY_CAP = 1 << 20
"""Bytes a body may have."""

_DISCARD_CAP = 16 * BODY_CAP
"""Bytes of an oversized body that are read and dropped, so that its sender gets to the answer."""

_CLIENT_LEFT = 499


class Edge:
    """ASGI middleware around the whole application.

    KServe echoes request headers in answers and may forward them; behind this it sees none but a
    JSON content type. A body is read whole, up to the cap, before any route runs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, seen = time.perf_counter(), _Seen(send)
        try:
            await self._answer(scope, receive, seen)
        finally:
            elapsed = time.perf_counter() - started
            observe_request(scope["path"], scope["method"], seen.status, elapsed)

    async def _answer(self, scope: Scope, receive: Receive, send: "_Seen") -> None:
        try:
            body = await _whole_body(receive)
        except RequestTooLarge as error:
            await problem(error)(scope, receive, send)
            return
        if body is None:
            send.status = _CLIENT_LEFT
            return
        await self._app({**scope, "headers": _headers(body)}, _Replay(body, receive), send)


class _Seen:
    """A ``send`` that remembers the status; 500 until one is sent."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


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


async def _whole_body(receive: Receive) -> bytes | None:
    """Read a body; None if the client left before its end."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more and size <= _DISCARD_CAP:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size, more = size + len(chunk), message.get("more_body", False)
        if size <= BODY_CAP:
            chunks.append(chunk)
    if size > BODY_CAP:
        raise RequestTooLarge(
            found=f"more than {BODY_CAP} bytes",
            expected=f"at most {BODY_CAP} bytes",
            where="body",
            remedy="Send fewer instances at a time.",
        )
    return b"".join(chunks)


def _headers(body: bytes) -> list[tuple[bytes, bytes]]:
    length = str(len(body)).encode()
    return [(b"content-type", b"application/json"), (b"content-length", length)]
