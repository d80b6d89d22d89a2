"""What the services' command lines share: arguments, logging, exit codes and the socket."""

import argparse
import signal
import socket
import sys
from collections.abc import Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

from serving.events import configure
from serving.header_timeout import HeaderTimeoutProtocol
from volcast.core.errors import ConfigError, VolcastError
from volcast.core.settings import Settings, read_settings

__all__ = ["bound_socket", "run_service", "serve_asgi", "service_parser"]


def service_parser(
    module: str, about: str, port: int, *, port_option: str = "--port", as_of: bool = False
) -> argparse.ArgumentParser:
    """Return a parser of the arguments that every service has.

    Parameters
    ----------
    module : str
        What follows ``python -m``.
    about : str
    port : int
        By default.
    port_option : str
    as_of : bool
        Whether the clock may be fixed.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--store", help="a local folder or s3://bucket/prefix [VOLCAST_STORE]")
    if as_of:
        parser.add_argument("--as-of", help="a fixed session, YYYY-MM-DD [VOLCAST_AS_OF]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(port_option, dest="port", type=int, default=port, help="port (%(default)s)")
    return parser


def run_service(
    parser: argparse.ArgumentParser,
    serve: Callable[[Settings, argparse.Namespace], int | None],
    argv: Sequence[str] | None = None,
) -> int:
    """Parse arguments, configure logging, read the settings, serve; return the exit code."""
    arguments = parser.parse_args(argv)
    configure()
    try:
        as_of = getattr(arguments, "as_of", None)
        return serve(read_settings(store=arguments.store, as_of=as_of), arguments) or 0
    except VolcastError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address.

    Raises
    ------
    ConfigError
        If the address does not exist, or another process uses it.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise ConfigError(
            found=str(error), expected="an address and a port that are free",
            where=f"{host}:{port}", remedy="Choose others with --host and --port.",
        ) from error  # fmt: skip
    return bound


def serve_asgi(app: ASGIApp, host: str, port: int) -> None:
    """Serve an application until SIGTERM or SIGINT.

    Raises
    ------
    ConfigError
        As `bound_socket`.
    """
    config = uvicorn.Config(
        app, http=HeaderTimeoutProtocol, log_config=None, access_log=False, server_header=False,
        lifespan="off",
    )  # fmt: skip
    # uvicorn raises the signal again once it has stopped, which would end the caller's cleanup.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)
    uvicorn.Server(config).run(sockets=[bound_socket(host, port)])
