"""``volcast registry``: the versions, the champion, and who moved it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from volcast.config import read_settings

if TYPE_CHECKING:
    from volcast.storage import Store

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="List, check, promote and roll back model versions.")
console = Console()

StoreOption = Annotated[str | None, typer.Option(help="A local folder or s3://bucket/prefix.")]
Number = Annotated[str, typer.Argument(help="A version's number.")]
Why = Annotated[str, typer.Option(help="For the audit trail.")]
Who = Annotated[str, typer.Option(envvar="USER", help="For the audit trail.")]


@app.command("list")
def list_(store: StoreOption = None) -> None:
    """List the versions; the champion is marked."""
    from volcast import registry

    opened = _open(store)
    champion = registry.champion_pointer(opened)
    table = Table("", "version", "as of", "run", "sha256")
    for version in registry.list_versions(opened):
        mark = "champion" if version == champion else ""
        table.add_row(mark, version.version, version.as_of, version.run_id, version.sha256[:12])
    console.print(table)


@app.command()
def history(store: StoreOption = None) -> None:
    """List every move of the champion pointer: who, when, from, to, why."""
    from volcast import registry

    table = Table("when", "who", "what", "from", "to", "why")
    for event in registry.history(_open(store)):
        what = event.kind if event.done else f"{event.kind}, not carried out"
        table.add_row(event.when, event.who, what, event.old or "", event.new, event.why)
    console.print(table)


@app.command()
def verify(version: Number, store: StoreOption = None) -> None:
    """Check a version's files, signature, xgboost version and golden forecasts."""
    from volcast import registry

    checked = registry.verify(_open(store), version).version
    console.print(f"version {checked.version} ({checked.sha256[:12]}): all checks held")


@app.command()
def promote(version: Number, why: Why, who: Who, store: StoreOption = None) -> None:
    """Make a version champion, past the gate; it is checked first."""
    from volcast import registry

    moved = registry.promote(_open(store), version, who=who, why=why, when=datetime.now(UTC))
    console.print(f"champion: version {moved.version} ({moved.sha256[:12]})")


@app.command()
def rollback(
    why: Why,
    who: Who,
    to: Annotated[str | None, typer.Option(help="Default: the champion before this one.")] = None,
    store: StoreOption = None,
) -> None:
    """Make a former champion champion again; it is checked first."""
    from volcast import registry

    moved = registry.rollback(_open(store), who=who, why=why, when=datetime.now(UTC), to=to)
    console.print(f"champion: version {moved.version} ({moved.sha256[:12]})")


def _open(store: str | None) -> "Store":
    from volcast.storage import Store

    return Store.open(read_settings(store=store).store)
