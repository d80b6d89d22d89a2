"""A request's body, read whole before anything looks at it, with a cap to its size and time."""

import asyncio

from starlette.types import Message, Receive

from volcast.core.errors import RequestTooLarge, RequestTooSlow

__all__ = ["BODY_CAP", "whole_body"]

BODY_CAP = 1 << 20
"""Bytes a body may have."""

_DISCARD_CAP = 16 * BODY_CAP
"""Bytes of an oversized body that are read and dropped, so that its sender gets to the answer."""

_BODY_SECONDS = 10.0
"""How long a body may take to come."""


async def whole_body(receive: Receive) -> bytes | None:
    """Read a request's body; None if the client left before its end.

    Raises
    ------
    RequestTooLarge
        If it is over the cap.
    RequestTooSlow
        If it does not come in time.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        _refuse_large(len(body))
        return body
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await _rest_of(message, receive)
    except TimeoutError:
        raise RequestTooSlow(
            found=f"no whole body after {_BODY_SECONDS:g} seconds", expected="the whole body",
            where="body", remedy="Send it at once.",
        ) from None  # fmt: skip


async def _rest_of(message: Message, receive: Receive) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_CAP:
            chunks.append(chunk)
        if size > _DISCARD_CAP or not message.get("more_body", False):
            _refuse_large(size)
            return b"".join(chunks)
        message = await receive()
    return None


def _refuse_large(size: int) -> None:
    if size > BODY_CAP:
        raise RequestTooLarge(
            found=f"more than {BODY_CAP} bytes",
            expected=f"at most {BODY_CAP} bytes",
            where="body",
            remedy="Send fewer instances at a time.",
        )
