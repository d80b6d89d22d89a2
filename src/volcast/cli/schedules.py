"""``volcast schedules``: the pipelines' schedules on a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from volcast.cli.arguments import StoreOption, console, say
from volcast.core.errors import ConfigError
from volcast.core.settings import SourceName, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from volcast.schedules import Kubeflow, Schedule, Wanted

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Keep the pipelines' schedules on Kubeflow as they are declared."
)

Url = Annotated[str, typer.Option("--kubeflow", help="What /apis/v2beta1 follows.")]
Token = Annotated[Path | None, typer.Option("--token-file", help="A mounted bearer token.")]
Namespace = Annotated[
    str, typer.Option(help="Of the pipelines; used where Kubeflow has several users.")
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would change, change nothing.")]


@app.command()
def apply(  # noqa: PLR0913, PLR0917  each is an option
    kubeflow: Url,
    pipelines: Annotated[Path, typer.Option(help="The folder of the compiled pipelines.")],
    token_file: Token = None,
    namespace: Namespace = "",
    service_account: Annotated[str, typer.Option(help="Of the pipelines' pods.")] = "",
    store: StoreOption = None,
    source: Annotated[SourceName | None, typer.Option(help="Where rows come from.")] = None,
    universe: Annotated[str | None, typer.Option(help="JSON; default: the source's own.")] = None,
    dry_run: Dry = False,
) -> None:
    """Upload the pipelines, and make their recurring runs be as declared; remove our others."""
    from volcast import schedules

    runs = _wanted(pipelines, service_account, store, source, universe)
    with _opened(kubeflow, token_file, namespace) as api:
        schedules.apply(api, runs, say, dry=dry_run)
    if not dry_run:
        say(f"{len(runs)} schedules are as declared")


@app.command("list")
def list_(kubeflow: Url, token_file: Token = None, namespace: Namespace = "") -> None:
    """List the recurring runs there: ours, and others in the same experiment."""
    from volcast.schedules import mark_of, recurring_runs

    with _opened(kubeflow, token_file, namespace) as api:
        found = recurring_runs(api)
    if not found:
        say("no recurring run: `volcast schedules apply` makes them")
        return
    table = Table("name", "cron, UTC", "fires", "kept by us", "id")
    for run in found:
        fires, ours = ("yes" if so else "no" for so in (run.enabled, mark_of(run.description)))
        # What Kubeflow tells may hold brackets, and is no markup.
        table.add_row(escape(run.name), escape(run.cron), fires, ours, escape(run.id))
    console.print(table)


@app.command()
def remove(
    kubeflow: Url, token_file: Token = None, namespace: Namespace = "", dry_run: Dry = False
) -> None:
    """Remove our recurring runs, so that nothing fires any more; pipelines and runs stay."""
    from volcast import schedules

    with _opened(kubeflow, token_file, namespace) as api:
        schedules.remove(api, say, dry=dry_run)


def _opened(
    kubeflow: str, token_file: Path | None, namespace: str
) -> "AbstractContextManager[Kubeflow]":
    from volcast.schedules import opened

    return opened(kubeflow, token_file, namespace)


def _wanted(
    pipelines: Path,
    service_account: str,
    store: str | None,
    source: SourceName | None,
    universe: str | None,
) -> "list[Wanted]":
    from volcast.core.applications import load
    from volcast.schedules import wanted

    settings = read_settings(store=store, source=source, universe=universe)
    if not settings.store.startswith("s3://"):
        raise ConfigError(
            found=settings.store, expected="s3://bucket/prefix", where="store",
            remedy="Name a store that every pod of the cluster reaches: --store or VOLCAST_STORE.",
        )  # fmt: skip
    if settings.source == "csv":
        raise ConfigError(
            found="csv", expected="a source that needs no folder", where="source",
            remedy="A step on a cluster has no folder of files; choose another source.",
        )  # fmt: skip
    declared: Sequence[Schedule] = load("pipelines.schedules").SCHEDULES
    parameters = {
        "store": settings.store,
        "source": settings.source,
        "universe": settings.resolved_universe.model_dump_json(),
    }
    return wanted(declared, pipelines, parameters, service_account)
