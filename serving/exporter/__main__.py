"""Show what the store says as metrics: ``python -m serving.exporter``."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, start_http_server

from serving.events import configure, emit
from serving.exporter.collector import StoreCollector
from volcast.core.errors import ConfigError, VolcastError
from volcast.core.settings import read_settings
from volcast.store import Store


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.exporter", description=__doc__)
    parser.add_argument("--store", help="a local folder or s3://bucket/prefix [VOLCAST_STORE]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=9108, help="port (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="between two readings (%(default)s)"
    )
    return parser.parse_args(argv)


def _serve(arguments: argparse.Namespace) -> None:
    store = Store.open(read_settings(store=arguments.store).store)
    collector = StoreCollector(store, lambda: datetime.now(UTC), arguments.seconds)
    registry = CollectorRegistry()
    registry.register(collector)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        server, thread = start_http_server(arguments.port, arguments.host, registry)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            found=str(error), expected="an address and a port that are free",
            where=f"{arguments.host}:{arguments.port}",
            remedy="Choose others by --host and --port.",
        ) from error  # fmt: skip
    emit("exporting", store=store.uri, host=arguments.host, port=arguments.port)
    # Readings are made here, so that an unforeseen fault ends the process and is seen as such.
    while not stop.is_set():
        collector.look()
        stop.wait(arguments.seconds)
    server.shutdown()
    thread.join()


def main(argv: Sequence[str]) -> int:
    """Run the exporter; return its exit code."""
    arguments = _arguments(argv)
    configure()
    try:
        _serve(arguments)
    except VolcastError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
