"""A small S3 server on loopback that misbehaves as some real ones do."""

import contextlib
import hashlib
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from tests.loopback import QuietHandler, serving
from volcast.store import Store

__all__ = ["FOLDER_MARKERS", "Bucket", "Fault", "cut", "opened", "page", "refusal"]

FOLDER_MARKERS = (
    "features_daily/", "predictions_daily/symbol=SPY/", "registry/", "registry/versions/",
    "registry/audit/", "runs/", "runs/a/model/", "documents/", "raw.market_$folder$",
    "monitoring.jobs/.DS_Store",
)  # fmt: skip


class Bucket(QuietHandler):
    """Objects in memory, with conditional writes; ``fault`` may answer a request in its place."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    requests: list[tuple[str, str, Mapping[str, str]]]
    ignored: frozenset[str]
    fault: "Fault"

    def do_GET(self) -> None:
        if self._begin():
            return
        key, query = self._key(), parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(query.get("prefix", [""])[0])
        elif key in self.objects:
            self.send(200, self.objects[key], {"ETag": _tag(self.objects[key])})
        else:
            refusal(404, "NoSuchKey")(self)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self._begin():
            return
        key = self._key()
        stored = _tag(self.objects[key]) if key in self.objects else None
        creates = self.headers["If-None-Match"] and "If-None-Match" not in self.ignored
        swaps = self.headers["If-Match"] if "If-Match" not in self.ignored else None
        if (creates and stored) or (swaps and swaps != stored):
            refusal(412, "PreconditionFailed")(self)
            return
        self.objects[key] = data
        self.send(200, b"", {"ETag": _tag(data)})

    def do_DELETE(self) -> None:
        self.objects.pop(self._key(), None)
        self.send(204, b"", {})

    def send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _begin(self) -> bool:
        self.requests.append((self.command, self._key(), dict(self.headers)))
        return bool(self.fault(self))

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

    def _list(self, prefix: str) -> None:
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size></Contents>"
            for key, data in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        listing = f"<Name>bucket</Name><IsTruncated>false</IsTruncated>{items}"
        self.send(200, f"<ListBucketResult>{listing}</ListBucketResult>".encode(), {})


Fault = Callable[[Bucket], object]
"""Answers a request and returns something true, or leaves it to the server."""


def refusal(status: int, code: str) -> Fault:
    """Return what answers with an error of S3."""
    content = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return lambda request: request.send(status, content, {}) or True


def page(content: bytes, **headers: str) -> Fault:
    """Return what answers 200 with the same content to everything, as a console does."""
    return lambda request: request.send(200, content, headers) or True


def cut(way: str) -> Fault:
    """Return what breaks the answer to each get of an object or list after half of it."""

    def answer(request: Bucket) -> bool:
        if request.command != "GET":
            return False
        request.close_connection = True
        request.send_response(200)
        request.send_header("ETag", '"0"')
        framing = ("Transfer-Encoding", "chunked") if way == "chunked" else ("Content-Length", "99")
        request.send_header(*framing)
        request.end_headers()
        request.wfile.write(b"63\r\nhalf" if way == "chunked" else b"half")
        if way == "reset":
            request.wfile.flush()
            linger = struct.pack("ii", 1, 0)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.connection.close()
        return True

    return answer


@contextlib.contextmanager
def opened(
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault = lambda _: False,
    *,
    ignored: frozenset[str] = frozenset(),
) -> Iterator[tuple[Store, type[Bucket]]]:
    """Serve an empty bucket and yield a store in it, and the server's class with its state."""
    state = {"objects": {}, "requests": [], "ignored": ignored, "fault": staticmethod(fault)}
    handler = type("Served", (Bucket,), state)
    with serving(handler) as address:
        for name, value in {
            "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "of-no-worth", "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", _no_delay)
        yield Store.open("s3://bucket"), handler


def _no_delay(*_: object) -> float:
    return 0.0


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
