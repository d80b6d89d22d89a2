"""Export the state of the store as metrics: ``python -m serving.exporter``."""

import argparse
import signal
import socket
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, start_http_server

from serving.service import announce_ready, run_service, service_parser
from volcast.core.settings import Settings


def _serve(settings: Settings, arguments: argparse.Namespace, listener: socket.socket) -> None:
    # Imported here: they take seconds; a port in use is reported without them.
    from serving.exporter.collector import StoreCollector
    from volcast.store import Store

    store = Store.open(settings.store)
    collector = StoreCollector(store, lambda: datetime.now(UTC), arguments.seconds)
    registry = CollectorRegistry()
    registry.register(collector)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    listener.close()
    server, thread = start_http_server(arguments.port, arguments.host, registry)
    collector.look()
    announce_ready("exporting", "volcast metrics on {url}/metrics", server.socket)
    while not stop.wait(arguments.seconds):
        collector.look()
    server.shutdown()
    thread.join()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the exporter; return its exit code."""
    parser = service_parser("metrics", __doc__, 9108)
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="between two readings (%(default)s)"
    )
    return run_service(parser, _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
