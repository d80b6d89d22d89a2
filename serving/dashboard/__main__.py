"""Show the state of the store as a page in a browser: ``python -m serving.dashboard``."""

import argparse
import re
import socket
from collections.abc import Sequence
from functools import partial

from serving.service import announce_ready, asgi_server, run_service, service_parser
from volcast.core.errors import ConfigError
from volcast.core.settings import Settings


def _serve(settings: Settings, arguments: argparse.Namespace, listener: socket.socket) -> None:
    base_path = arguments.base_path.rstrip("/")
    if not re.fullmatch(r"(/[\w.~-]+)*", base_path):
        raise ConfigError(
            found=repr(base_path), expected="a path such as /volcast", where="--base-path",
            remedy="Give the path that a proxy puts before the page's.",
        )  # fmt: skip
    ready = partial(
        announce_ready, "dashboard_up", "volcast dashboard on {url}" + base_path, listener
    )
    # Imported here: Altair takes seconds; a port in use is reported without it.
    from serving.dashboard.app import application
    from volcast.store import Store

    app = application(Store.open(settings.store), settings.resolved_universe, base_path)
    asgi_server(app, ready).run(sockets=[listener])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the dashboard; return its exit code."""
    parser = service_parser("page", __doc__, 8501)
    parser.add_argument(
        "--base-path", default="", help="path that a proxy leaves before the page's, as /volcast"
    )
    return run_service(parser, _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
