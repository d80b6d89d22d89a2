"""Show the state of the store as a page in a browser: ``python -m serving.dashboard``."""

import argparse
import re
from collections.abc import Sequence
from functools import partial

from serving.service import (
    announce_ready,
    asgi_server,
    bound_socket,
    run_service,
    service_parser,
)
from volcast.core.errors import ConfigError
from volcast.core.settings import Settings
from volcast.store import Store


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    base_path = arguments.base_path.rstrip("/")
    if not re.fullmatch(r"(/[\w.~-]+)*", base_path):
        raise ConfigError(
            found=repr(base_path), expected="a path such as /volcast", where="--base-path",
            remedy="Give the path that a proxy puts before the page's.",
        )  # fmt: skip
    store = Store.open(settings.store)
    listener = bound_socket(arguments.host, arguments.port)
    ready = partial(
        announce_ready, "dashboard_up", "volcast dashboard on {url}" + base_path, listener
    )
    # Imported here: Altair takes seconds, and a wrong argument is reported without it.
    from serving.dashboard.app import application

    app = application(store, settings.resolved_universe, base_path)
    asgi_server(app, ready).run(sockets=[listener])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the dashboard; return its exit code."""
    parser = service_parser("serving.dashboard", __doc__, 8501)
    parser.add_argument(
        "--base-path", default="", help="path that a proxy leaves before the page's, as /volcast"
    )
    return run_service(parser, _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
