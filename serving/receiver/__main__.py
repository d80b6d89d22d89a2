"""Take Alertmanager's notifications: ``python -m serving.receiver``."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import uvicorn

from serving.auth import guard_of
from serving.events import configure, emit
from serving.patience import PatientProtocol
from serving.receiver.app import application
from serving.receiver.launch import launcher_of
from serving.receiver.request import Requests
from volcast.core.errors import ConfigError, VolcastError
from volcast.core.settings import read_settings
from volcast.store import Store


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.receiver", description=__doc__)
    parser.add_argument("--store", help="a local folder or s3://bucket/prefix [VOLCAST_STORE]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=9109, help="port (%(default)s)")
    return parser.parse_args(argv)


async def _serve(arguments: argparse.Namespace) -> None:
    settings = read_settings(store=arguments.store)
    guard, launcher = guard_of(settings), launcher_of(settings)
    store = Store.open(settings.store)
    requests = Requests(settings, store, launcher, lambda: datetime.now(UTC))
    server = uvicorn.Server(
        uvicorn.Config(
            application(requests, guard), arguments.host, arguments.port, http=PatientProtocol,
            log_config=None, access_log=False, server_header=False, lifespan="off",
        )
    )  # fmt: skip
    # Once it has stopped, uvicorn raises the signal again: that must not cut short what follows.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)
    emit("receiving", store=store.uri, host=arguments.host, port=arguments.port)
    try:
        await server.serve()
    except SystemExit as error:  # uvicorn's answer to an address that it cannot have
        raise ConfigError(
            found="an address that cannot be listened on", expected="one that is free",
            where=f"{arguments.host}:{arguments.port}",
            remedy="Choose others by --host and --port.",
        ) from error  # fmt: skip
    finally:
        await launcher.close()


def main(argv: Sequence[str]) -> int:
    """Run the receiver; return its exit code."""
    arguments = _arguments(argv)
    configure()
    try:
        asyncio.run(_serve(arguments))
    except VolcastError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
