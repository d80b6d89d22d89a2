"""Serve the brief: ``python -m serving.brief``."""

import argparse
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from serving.service import announce_ready, asgi_server, run_service, service_parser
from volcast.core.settings import Settings


def _serve(settings: Settings, arguments: argparse.Namespace, listener: socket.socket) -> int:
    # Imported here: they take seconds; a port in use is reported without them.
    from serving.auth import guard_of
    from serving.brief.app import application
    from serving.brief.reading import Reading
    from volcast.brief import Library

    guard = guard_of(settings)
    library = Library.open(settings, lambda: datetime.now(UTC))
    reading = Reading(library, arguments.seconds)
    app = application(library, guard, lambda: reading.ready)
    sentence = "volcast brief on {url} (docs at {url}/docs)"
    server = asgi_server(app, partial(announce_ready, "briefing", sentence, listener))
    reading.start()
    try:
        server.run(sockets=[listener])
    finally:
        reading.end()
    return int(reading.failed)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service; return its exit code."""
    parser = service_parser("brief", __doc__, 8081, as_of=True)
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="between two readings (%(default)s)"
    )
    return run_service(parser, _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
