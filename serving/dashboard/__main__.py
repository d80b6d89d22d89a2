"""Show the state of the store as a page in a browser: ``python -m serving.dashboard``."""

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from serving.events import emit
from serving.service import bound_socket, run_service, service_parser
from volcast.core import calendar
from volcast.core.settings import Settings
from volcast.store import Store

_SCRIPT = Path(__file__).with_name("app.py")

_STREAMLIT = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",  # a traceback belongs into the log
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "logger.enableRich": False,
    "logger.hideWelcomeMessage": True,  # to print it, it asks the network for its own address
    "logger.level": "warning",
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.headless": True,  # opens no browser, asks for no email
    "theme.dark.primaryColor": "#56B4E9",
    "theme.light.primaryColor": "#0072B2",
}


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    store = Store.open(settings.store)
    bound_socket(arguments.host, arguments.port).close()
    # The page reads its settings by itself, in this process.
    os.environ["VOLCAST_STORE"] = store.uri
    import altair  # noqa: F401 -- seconds that the first reader need not wait
    import streamlit

    from volcast.monitoring import status  # noqa: F401

    calendar.last_closed(datetime.now(UTC))
    emit("dashboard_up", store=store.uri, host=arguments.host, port=arguments.port)
    address = {"server.address": arguments.host, "server.port": arguments.port}
    streamlit.App(_SCRIPT).run(config=_STREAMLIT | address)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the dashboard; return its exit code."""
    return run_service(service_parser("serving.dashboard", __doc__, 8501), _serve, argv)


if __name__ == "__main__":
    raise SystemExit(main())
