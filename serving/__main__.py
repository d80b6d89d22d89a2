"""Start the model server: ``python -m serving``."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from serving.events import configure
from volcast.core.errors import VolcastError
from volcast.core.settings import read_settings


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--store", help="a local folder or s3://bucket/prefix [VOLCAST_STORE]")
    parser.add_argument("--as-of", help="a fixed clock, YYYY-MM-DD [VOLCAST_AS_OF]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--http-port", type=int, default=8080, help="port (%(default)s)")
    parser.add_argument(
        "--follow-seconds",
        type=float,
        default=3.0,
        help="between two looks at the champion pointer (%(default)s)",
    )
    parser.add_argument(
        "--grace-seconds",
        type=int,
        default=30,
        help="for requests under way when told to stop (%(default)s)",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Run the server; return its exit code."""
    arguments = _arguments(argv)
    configure()
    try:
        settings = read_settings(store=arguments.store, as_of=arguments.as_of)
        # Imported late: KServe and Feast take seconds, and a wrong argument need not wait for them.
        from serving.auth import guard_of
        from serving.server import Listen, serve

        guard = guard_of(settings)
        listen = Listen(arguments.host, arguments.http_port, arguments.grace_seconds, guard)
        serve(settings, listen, lambda: datetime.now(UTC), arguments.follow_seconds)
    except VolcastError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
