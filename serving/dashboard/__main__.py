"""Show the state of the store as a page in a browser: ``python -m serving.dashboard``."""

import argparse
import sys
from collections.abc import Sequence

from serving.events import emit
from serving.service import asgi_server, bound_socket, run_service, service_parser
from volcast.core.settings import Settings
from volcast.store import Store


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    store = Store.open(settings.store)
    host, port = arguments.host, arguments.port
    listening = bound_socket(host, port)
    # Imported here: Altair takes seconds, and a wrong argument is reported without it.
    from serving.dashboard.app import application

    server = asgi_server(application(store, settings.resolved_universe))
    shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "::1") else host  # noqa: S104
    print(f"The page of {store.uri}: http://{shown}:{port} (Ctrl+C stops it)", flush=True)
    if not sys.stderr.isatty():
        emit("dashboard_up", store=store.uri, host=host, port=port)
    server.run(sockets=[listening])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the dashboard; return its exit code."""
    return run_service(service_parser("serving.dashboard", __doc__, 8501), _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
