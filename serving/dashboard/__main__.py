"""Show the state of the store as a page in a browser: ``python -m serving.dashboard``."""

import argparse
from collections.abc import Sequence
from functools import partial

from serving.service import (
    announce_ready,
    asgi_server,
    bound_socket,
    run_service,
    service_parser,
)
from volcast.core.settings import Settings
from volcast.store import Store


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    store = Store.open(settings.store)
    listener = bound_socket(arguments.host, arguments.port)
    ready = partial(announce_ready, "dashboard_up", "volcast dashboard on {url}", listener)
    # Imported here: Altair takes seconds, and a wrong argument is reported without it.
    from serving.dashboard.app import application

    app = application(store, settings.resolved_universe)
    asgi_server(app, ready).run(sockets=[listener])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the dashboard; return its exit code."""
    return run_service(service_parser("serving.dashboard", __doc__, 8501), _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
