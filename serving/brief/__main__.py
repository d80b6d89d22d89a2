"""Serve the brief: ``python -m serving.brief``."""

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import uvicorn

from serving.auth import guard_of
from serving.brief.app import application
from serving.brief.reading import Reading
from serving.events import configure, emit
from serving.patience import PatientProtocol
from volcast.brief import Library
from volcast.core.errors import ConfigError, VolcastError
from volcast.core.settings import read_settings


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.brief", description=__doc__)
    parser.add_argument("--store", help="a local folder or s3://bucket/prefix [VOLCAST_STORE]")
    parser.add_argument("--as-of", help="a fixed session, YYYY-MM-DD [VOLCAST_AS_OF]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="port (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="between two readings (%(default)s)"
    )
    given = parser.parse_args(argv)
    if not 0 < given.port < 65536 or not given.seconds > 0:
        parser.error("--port is from 1 to 65535, --seconds more than 0")
    return given


def _now() -> datetime:
    return datetime.now(UTC)


def _serve(arguments: argparse.Namespace) -> int:
    settings = read_settings(store=arguments.store, as_of=arguments.as_of)
    guard, library = guard_of(settings), Library.open(settings, _now)
    reading = Reading(library, _now, arguments.seconds)
    server = uvicorn.Server(
        uvicorn.Config(
            application(library, guard, lambda: reading.ready), arguments.host, arguments.port,
            http=PatientProtocol, log_config=None, access_log=False, server_header=False,
            lifespan="off",
        )
    )  # fmt: skip
    # Once it has stopped, uvicorn raises the signal again: that must not cut short what follows.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)
    reading.start()
    emit("briefing", store=library.store.uri, host=arguments.host, port=arguments.port)
    try:
        server.run()
    except SystemExit as error:  # uvicorn's answer to an address that it cannot have
        raise ConfigError(
            found="an address that cannot be listened on", expected="one that is free",
            where=f"{arguments.host}:{arguments.port}",
            remedy="Choose others by --host and --port.",
        ) from error  # fmt: skip
    finally:
        reading.stop()
        library.index.close()
    return int(reading.failed)


def main(argv: Sequence[str]) -> int:
    """Run the service; return its exit code."""
    arguments = _arguments(argv)
    configure()
    try:
        return _serve(arguments)
    except VolcastError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
