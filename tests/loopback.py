"""What keeps tests on this machine: a guard, and servers on its loopback address."""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

__all__ = ["NetworkRefused", "QuietHandler", "refuse_beyond_loopback", "serving"]


class NetworkRefused(RuntimeError):
    """A test reached for an address beyond loopback.

    No OSError, for a retry would take that for an outage and hide it.
    """


def refuse_beyond_loopback(patch: pytest.MonkeyPatch) -> None:
    """Let sockets and name look-ups reach loopback alone, and give subprocesses a dead proxy."""
    for method in ("connect", "connect_ex"):
        patch.setattr(socket.socket, method, _guarded(getattr(socket.socket, method)))
    look_up = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        _refuse_remote(host)
        return look_up(host, *args, **kwargs)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        patch.setenv(name, "http://127.0.0.1:9")
        patch.delenv(name.lower(), raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        patch.setenv(name, "localhost,127.0.0.1,::1")


def _guarded(connect):
    def checked(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_remote(address[0])
        return connect(self, address)

    return checked


def _refuse_remote(host: str | bytes | None) -> None:
    host = host.decode() if isinstance(host, bytes) else host
    if not host or host in ("localhost", socket.gethostname()):
        return
    with contextlib.suppress(ValueError):
        place = ipaddress.ip_address(host)
        if place.is_loopback or place.is_unspecified:
            return
    raise NetworkRefused(f"{host} is beyond loopback; tests take what they need from disk")


class QuietHandler(BaseHTTPRequestHandler):
    """A handler that logs nothing."""

    def answer(self, status: int, data: bytes, kind: str | None = None) -> None:
        """Send a whole answer."""
        self.send_response(status)
        if kind is not None:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port until the block ends; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
