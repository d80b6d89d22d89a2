"""Start the model server: ``python -m serving``."""

import argparse
import socket
import sys
from collections.abc import Sequence

from serving.service import run_service, service_parser
from volcast.core.settings import Settings


def _serve(settings: Settings, arguments: argparse.Namespace, listener: socket.socket) -> None:
    # XGBoost loads scikit-learn where it is installed, 56 MB that no request needs.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    import xgboost  # noqa: F401

    if sys.modules["sklearn"] is None:
        del sys.modules["sklearn"]
    # Imported here: pyarrow, pandas and numba take a second; a port in use is reported without.
    from serving.server import serve

    serve(
        settings, listener,
        watch_seconds=arguments.follow_seconds, grace_seconds=arguments.grace_seconds,
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server; return its exit code."""
    parser = service_parser("api", __doc__, 8080, "--http-port", as_of=True)
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
