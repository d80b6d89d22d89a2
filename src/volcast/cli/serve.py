"""``volcast serve``: start a server of the application ``serving``."""

from typing import Annotated, Literal

import typer

from volcast.core.applications import load, missing

__all__ = ["serve"]

_SERVICES = {
    "api": ("serving.__main__", "serving"),
    "metrics": ("serving.exporter.__main__", "serving"),
    "brief": ("serving.brief.__main__", "brief"),
    "page": ("serving.dashboard.__main__", "dashboard"),
}
"""Module, and the extra of volcast that has what it imports, by name."""


def serve(
    context: typer.Context,
    service: Annotated[
        Literal["api", "metrics", "brief", "page"],
        typer.Argument(help="Port 8080, 9108, 8081 or 8501."),
    ] = "api",
) -> None:
    """Serve the champion over HTTP, metrics, the brief, or the page; options follow the name.

    Each takes --store, --host and --port; `volcast serve NAME -- --help` shows all.
    """
    module, extra = _SERVICES[service]
    try:
        code = load(module, extra).main(context.args)
    except ModuleNotFoundError as error:
        # The servers import what takes seconds after they have read their arguments.
        raise missing(error, extra) from error
    raise typer.Exit(code)
