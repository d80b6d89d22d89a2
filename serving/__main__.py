"""Start the model server: ``python -m serving``."""

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder

from serving.service import run_service, service_parser
from volcast.core.settings import Settings


class _Unneeded(MetaPathFinder):
    """Hides what XGBoost, pyarrow and numba load where it is installed: 100 MB, for no request."""

    def find_spec(self, name: str, *_: object) -> None:
        if name in ("pandas", "scipy.linalg", "sklearn"):
            raise ModuleNotFoundError(f"{name} is not for the server", name=name)


def _serve(settings: Settings, arguments: argparse.Namespace, listener: socket.socket) -> None:
    sys.meta_path.insert(0, _Unneeded())
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # 5 MB less than its own
    # Imported here: pyarrow and numba take a second; a port in use is reported without them.
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
