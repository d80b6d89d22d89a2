"""A request's body: read whole with a limit to its size and time, and parsed strictly."""

import asyncio
import json
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import date
from typing import Any

import orjson
from starlette.types import Receive

from volcast.core.errors import (
    RequestError,
    RequestTooLarge,
    RequestTooSlow,
    UnsupportedEncoding,
)

Headers = Sequence[tuple[bytes, bytes]]

BODY_CAP = 1 << 20
"""Largest size of a body, in bytes."""

_DISCARD_CAP = 16 * BODY_CAP
"""Bytes of an oversized body that are read and dropped, so that its sender gets the answer."""

_BODY_SECONDS = 10.0

_COMPRESSED = frozenset({b"gzip", b"x-gzip", b"deflate"})
_PLAIN = frozenset({b"", b"identity"})


def header(headers: Headers, name: bytes) -> bytes:
    """Return a header's value: empty if it is absent, joined by commas if it is repeated."""
    return b", ".join([value for key, value in headers if key == name])


async def whole_body(receive: Receive, headers: Headers) -> bytes | None:
    """Read and decompress a request's body; None if the client left.

    Refused are a body over the cap, before or after decompression, one past its time, and an
    encoding other than gzip or deflate.
    """
    encoding = header(headers, b"content-encoding").strip().lower()
    if encoding not in _PLAIN and encoding not in _COMPRESSED:
        raise UnsupportedEncoding(
            found=f"Content-Encoding {quoted(encoding.decode('latin-1'))}",
            expected="gzip, deflate or none", where="header content-encoding",
            remedy="Send the body uncompressed.",
        )  # fmt: skip
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await _chunks(receive)
    except TimeoutError:
        raise RequestTooSlow(
            found=f"an incomplete body after {_BODY_SECONDS:g} seconds",
            expected="the whole body", where="body", remedy="Send it at once.",
        ) from None  # fmt: skip
    return _decompressed(body) if body is not None and encoding in _COMPRESSED else body


def _decompressed(body: bytes) -> bytes:
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its header
    try:
        plain = decoder.decompress(body, BODY_CAP + 1)
    except zlib.error as error:
        raise _not_compressed("a body that is not compressed as its header names") from error
    if len(plain) > BODY_CAP:
        raise _too_large()
    if not decoder.eof or decoder.unused_data:
        raise _not_compressed("a compressed body that is cut short, or followed by more")
    return plain


def _not_compressed(found: str) -> RequestError:
    return RequestError(
        found=found, expected="one whole stream of gzip or zlib", where="body",
        remedy="Compress the body once, or leave Content-Encoding out.",
    )  # fmt: skip


def _too_large() -> RequestTooLarge:
    return RequestTooLarge(
        found=f"more than {BODY_CAP} bytes", expected=f"at most {BODY_CAP} bytes, uncompressed",
        where="body", remedy="Send fewer instances in a request.",
    )  # fmt: skip


async def _chunks(receive: Receive) -> bytes | None:
    chunks: list[bytes] = []
    size, more = 0, True
    while more and size <= _DISCARD_CAP:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= BODY_CAP:
            chunks.append(chunk)
    if size > BODY_CAP:
        raise _too_large()
    return b"".join(chunks)


def json_object(body: bytes, example: str) -> dict[str, Any]:
    """Parse a body that must be one JSON object, such as ``example``; a byte order mark is taken.

    NaN and Infinity pass, so that a reader can refuse a value by its field's name. A repeated name
    is refused at any depth: which of its values was meant cannot be known.
    """
    try:
        parsed = _decode(body.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError) as error:
        raise _not_an_object("a body that is not JSON", example) from error
    if not isinstance(parsed, dict):
        raise _not_an_object(f"a JSON {type(parsed).__name__}", example)
    return parsed


def _decode(body: bytes) -> Any:
    """Parse JSON, quickly where as many names are parsed as the body has colons."""
    with suppress(orjson.JSONDecodeError):  # NaN, for one
        parsed = orjson.loads(body)
        if body.count(b":") == _count_names(parsed):
            return parsed
    return _DECODER.decode(body.decode("utf-8"))


def _count_names(parsed: object) -> int:
    """Count the names of the top object and of the objects right below it or in its lists.

    Deeper names are left out: the count is then too low, and the slower parser decides.
    """
    if not isinstance(parsed, dict):
        return 0
    count = len(parsed)
    for value in parsed.values():
        if isinstance(value, dict):
            count += len(value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            count += sum(len(item) for item in value if isinstance(item, dict))
    return count


def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs of a name and a value as a dictionary, unless a name is repeated."""
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise field_error(f"{quoted(repeated)} twice", "each name once", repeated)
    return parsed


# The only parser at hand that reports a repeated name; ten times slower than orjson.
_DECODER = json.JSONDecoder(object_pairs_hook=unrepeated)


def refuse_unknown(names: Iterable[str], allowed: AbstractSet[str]) -> None:
    """Refuse the first name that is not allowed, as the error's field."""
    for name in names:
        if name not in allowed:
            raise field_error(f"unknown field {quoted(name)}", f"{sorted(allowed)}", name)


def _not_an_object(found: str, example: str) -> RequestError:
    return RequestError(
        found=found, expected="one JSON object in UTF-8", where="body",
        remedy=f"Send an object such as {example}.",
    )  # fmt: skip


def plain_date(value: object, field: str) -> date:
    """Parse a date written YYYY-MM-DD; refuse any other type or spelling."""
    try:
        # Without the check of the dashes a week date such as 2019-W01-1 would pass.
        if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise field_error(quoted(value), "a date as YYYY-MM-DD, such as 2021-12-31", field)


def quoted(value: object, limit: int = 40) -> str:
    """Return ``value`` as ASCII for a message, cut at ``limit`` characters."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def field_error(
    found: str, expected: str, field: str, *, where: str = "", remedy: str = "Correct the field."
) -> RequestError:
    """Return the error of one field of a request, which is also where it is by default."""
    return RequestError(
        found=found, expected=expected, where=where or field, remedy=remedy, field=field
    )
