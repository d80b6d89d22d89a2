"""Start the model server: ``python -m serving``."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from serving.service import run_service, service_parser
from volcast.core.settings import Settings


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    # Imported here: KServe and Feast take seconds, and a wrong argument is reported without them.
    from serving.auth import guard_of
    from serving.server import Listen, serve

    guard = guard_of(settings)
    listen = Listen(arguments.host, arguments.port, arguments.grace_seconds, guard)
    serve(settings, listen, lambda: datetime.now(UTC), arguments.follow_seconds)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server; return its exit code."""
    parser = service_parser("serving", __doc__, 8080, port_option="--http-port", as_of=True)
    parser.add_argument(
        "--follow-seconds", type=float, default=3.0,
        help="between two reads of the champion pointer (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--grace-seconds", type=int, default=30,
        help="for open requests at shutdown (%(default)s)",
    )  # fmt: skip
    return run_service(parser, _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
