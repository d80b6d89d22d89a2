"""What keeps tests on this machine: a guard, and servers on its loopback address."""

import contextlib
import ipaddress
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

__all__ = ["NetworkRefused", "QuietHandler", "refuse_beyond_loopback", "serving", "started"]

_START_SECONDS = 180


class NetworkRefused(RuntimeError):
    """A test used an address beyond loopback; no OSError, which a retry would hide."""


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


def started(
    command: Sequence[object], log: Path, answers: Callable[[], bool], **options: Any
) -> "subprocess.Popen[bytes]":
    """Start a server and return its process once it answers; ``answers`` may raise OSError."""
    with log.open("ab") as output:
        server = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output,
                                  **options)  # fmt: skip
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if answers():
                return server
        time.sleep(0.05)
    server.kill()
    server.wait()
    raise TimeoutError(f"{command[0]}:\n{log.read_text(errors='replace')[-2000:]}")
