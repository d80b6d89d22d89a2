"""What the services' command lines share: arguments, logging, exit codes and the socket."""

import argparse
import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.events import announce, configure
from volcast.core.errors import ConfigError, VolcastError
from volcast.core.settings import Settings, read_settings

_HEADER_SECONDS = 10.0
"""From a connection, or a request's first byte, to the end of its headers."""


def service_parser(
    name: str, about: str, port: int, *port_aliases: str, as_of: bool = False
) -> argparse.ArgumentParser:
    """Return a parser of the arguments of every service; ``as_of``: the clock may be fixed.

    ``name`` is the service's in ``volcast serve``.
    """
    parser = argparse.ArgumentParser(prog=f"volcast serve {name}", description=about)
    parser.add_argument("--store", help="a local folder or s3://bucket/prefix [VOLCAST_STORE]")
    if as_of:
        parser.add_argument("--as-of", help="a fixed session, YYYY-MM-DD [VOLCAST_AS_OF]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", *port_aliases, type=int, default=port, help="port, 0 for any (%(default)s)"
    )
    return parser


def run_service(
    parser: argparse.ArgumentParser,
    serve: Callable[[Settings, argparse.Namespace, socket.socket], int | None],
    argv: Sequence[str] | None = None,
) -> int:
    """Parse arguments, configure logging, read the settings, serve; return the exit code.

    The port is taken first: what ``serve`` imports and loads can take many seconds. SIGTERM and
    SIGINT end a service with exit code 0 at any time, while it starts too.
    """
    arguments = parser.parse_args(argv)
    configure()
    code: int | None = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        as_of = getattr(arguments, "as_of", None)
        settings = read_settings(store=arguments.store, as_of=as_of)
        with _listener(arguments.host, arguments.port) as listener:
            code = serve(settings, arguments, listener)
    except KeyboardInterrupt:
        pass
    except VolcastError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    announce("stopped", "\nStopped.")
    return code or 0


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; ConfigError if it is not there or not free."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # without it a second server could take the same port while this one loads
    except (OSError, OverflowError) as error:
        bound.close()
        busy = getattr(error, "errno", None) == errno.EADDRINUSE
        cause = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError(
            found=f"port {port} in use by another program" if busy else cause,
            expected="a free port of this machine", where=f"{host}:{port}",
            remedy="Choose another with --port (make: PORT=...) or --host.",
        ) from error  # fmt: skip
    return bound


def announce_ready(event: str, sentence: str, listener: socket.socket) -> None:
    """Announce that a service answers; ``{url}`` in the sentence is its address, to click."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    announce(event, sentence.format(url=url), url=url)


_HEADER_BYTES = 64 * 1024
"""Headers that are not complete after so many bytes are refused."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class _LimitedHeaders(HttpToolsProtocol):
    """Closes a connection whose headers do not come, or do not end; uvicorn has no limit."""

    _timer: asyncio.TimerHandle | None = None
    _received = 0
    _in_headers = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_headers:
            self._received = 0
            return
        # Most headers come whole, and then need no timer of their own.
        self._start()
        self._received += len(data)
        if self._received > _HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers = True

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._stop()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_HEADER_SECONDS, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Server(uvicorn.Server):
    """Calls ``ready`` once it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def asgi_server(app: ASGIApp, ready: Callable[[], None], **options: Any) -> uvicorn.Server:
    """Return a server of an application, which SIGTERM and SIGINT stop with exit code 0.

    Once it answers it calls ``ready``.
    """
    config = uvicorn.Config(
        app, http=_LimitedHeaders, log_config=None, access_log=False, server_header=False,
        lifespan="off", **options,
    )  # fmt: skip
    server = _Server(config, ready)
    # uvicorn raises the signal again once it has stopped, which would end the caller's cleanup.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, server.handle_exit)
    return server
