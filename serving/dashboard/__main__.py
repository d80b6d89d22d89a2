"""Show what the store says as a page in a browser: ``python -m serving.dashboard``."""

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from serving.events import configure, emit
from volcast.core import calendar
from volcast.core.errors import ConfigError, VolcastError
from volcast.core.settings import read_settings
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


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.dashboard", description=__doc__)
    parser.add_argument("--store", help="a local folder or s3://bucket/prefix [VOLCAST_STORE]")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8501, help="port (%(default)s)")
    return parser.parse_args(argv)


def _refuse_taken(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            found=str(error), expected="an address and a port that are free",
            where=f"{host}:{port}", remedy="Choose others by --host and --port.",
        ) from error  # fmt: skip


def _serve(arguments: argparse.Namespace) -> None:
    store = Store.open(read_settings(store=arguments.store).store)
    _refuse_taken(arguments.host, arguments.port)
    # The page reads its settings by itself, in this process.
    os.environ["VOLCAST_STORE"] = store.uri
    import altair  # noqa: F401 -- seconds that the first reader need not wait
    import streamlit

    from volcast.monitoring import status as facts  # noqa: F401

    calendar.last_closed(datetime.now(UTC))
    emit("dashboard_up", store=store.uri, host=arguments.host, port=arguments.port)
    address = {"server.address": arguments.host, "server.port": arguments.port}
    streamlit.App(_SCRIPT).run(config=_STREAMLIT | address)


def main(argv: Sequence[str]) -> int:
    """Run the dashboard; return its exit code."""
    arguments = _arguments(argv)
    configure()
    try:
        _serve(arguments)
    except VolcastError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
