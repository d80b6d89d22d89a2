"""``volcast serve``: start a server of the application ``serving``."""

import typer

from volcast.core.applications import load, missing

__all__ = ["app"]

_SERVICES = {
    "api": ("serving.__main__", "serving", "The model server, port 8080."),
    "metrics": ("serving.exporter.__main__", "serving", "The exporter of metrics, port 9108."),
    "brief": ("serving.brief.__main__", "brief", "The brief and its answers, port 8081."),
    "page": ("serving.dashboard.__main__", "dashboard", "The dashboard, port 8501."),
}
"""Module, the extra of volcast that has what it imports, and help, by name."""

_OWN_OPTIONS = {
    "allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": [],
}  # fmt: skip
"""The server reads its options itself, --help too."""

app = typer.Typer(
    help="Serve the champion over HTTP (api), metrics, the brief, or the page.",
    invoke_without_command=True,
)


@app.callback()
def _api_by_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        _serve(context)


def _serve(context: typer.Context) -> None:
    module, extra, _ = _SERVICES.get(context.info_name or "", _SERVICES["api"])
    try:
        code = load(module, extra).main(context.args)
    except ModuleNotFoundError as error:
        # The servers import what takes seconds after they have read their arguments.
        raise missing(error, extra) from error
    raise typer.Exit(code)


for service, (_, _, about) in _SERVICES.items():
    app.command(service, help=about, context_settings=_OWN_OPTIONS)(_serve)
