"""``volcast registry``: the versions, champion and challenger, and who moved them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from volcast.cli.arguments import StoreOption, console, open_store, print_line

if TYPE_CHECKING:
    from volcast.registry import Version

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Look at versions; move champion and challenger.")

Number = Annotated[str, typer.Argument(help="A version's number.")]
Why = Annotated[str, typer.Option(help="For the audit trail.")]
Who = Annotated[str, typer.Option(envvar="USER", help="For the audit trail.")]


@app.command("list")
def list_(store: StoreOption = None) -> None:
    """List the versions, and which is or was champion or challenger."""
    from volcast import registry

    opened = open_store(store)
    versions, roles = registry.list_versions(opened), registry.roles(opened)
    if not versions:
        print_line(f"no version in {opened.uri} yet: `volcast train` makes one")
        return
    table = Table("version", "role", "target", "as of", "run", "sha256")
    for item in versions:
        role, sha256 = roles.get(item.version, ""), item.sha256[:12]
        table.add_row(item.version, role, item.target, item.as_of, item.run_id, sha256)
    console.print(table)


@app.command()
def show(
    version: Annotated[str | None, typer.Argument(help="Default: the champion.")] = None,
    store: StoreOption = None,
) -> None:
    """Show a version: record, recipe, lineage, skill, intervals, files and moves."""
    from volcast import registry
    from volcast.cli.versions import print_version

    opened = open_store(store)
    selected = registry.find(opened, version) if version else registry.named_champion(opened)
    print_version(opened, selected)


@app.command()
def history(store: StoreOption = None) -> None:
    """List every move of champion and challenger: who, when, from, to, why."""
    from volcast import registry
    from volcast.cli.versions import events_table

    events = registry.history(open_store(store))
    console.print(events_table(events) if events else "no version was ever moved")


@app.command()
def verify(version: Number, store: StoreOption = None) -> None:
    """Check a version's files, signature, xgboost version and golden forecasts."""
    from volcast import registry

    checked = registry.verify(open_store(store), version).version
    print_line(f"version {checked.version} ({checked.sha256[:12]}): all checks passed")


@app.command()
def promote(version: Number, why: Why, who: Who, store: StoreOption = None) -> None:
    """Make a version champion, past the gate; it is checked first."""
    from volcast import registry

    opened = open_store(store)
    before = registry.champion_pointer(opened)
    moved = registry.promote(opened, version, who=who, why=why, when=datetime.now(UTC))
    _print_champion(moved, before)


@app.command()
def rollback(
    why: Why,
    who: Who,
    to: Annotated[str | None, typer.Option(help="Default: the champion before this one.")] = None,
    store: StoreOption = None,
) -> None:
    """Make a former champion champion again; it is checked first."""
    from volcast import registry

    opened = open_store(store)
    before = registry.champion_pointer(opened)
    moved = registry.rollback(opened, who=who, why=why, when=datetime.now(UTC), to=to)
    _print_champion(moved, before)


@app.command()
def challenge(version: Number, why: Why, who: Who, store: StoreOption = None) -> None:
    """Let a version forecast next to the champion; it is checked first."""
    from volcast import registry

    moved = registry.challenge(open_store(store), version, who=who, why=why, when=datetime.now(UTC))
    print_line(f"challenger: version {moved.version} ({moved.sha256[:12]})")


@app.command()
def retire(why: Why, who: Who, store: StoreOption = None) -> None:
    """Let the challenger forecast no longer."""
    from volcast import registry

    moved = registry.retire(open_store(store), who=who, why=why, when=datetime.now(UTC))
    print_line(f"no challenger; it was version {moved.version} ({moved.sha256[:12]})")


@app.command()
def sync(store: StoreOption = None) -> None:
    """Rebuild the mirror in MLflow: add the versions it lacks and set its aliases."""
    from volcast import registry

    print_line(f"MLflow is up to date; versions added: {registry.sync(open_store(store))}")


@app.command()
def shadow(store: StoreOption = None) -> None:
    """Score the challenger's published forecasts next to the champion's."""
    from volcast.cli.versions import print_record
    from volcast.monitoring.shadow import shadow_record

    print_record(shadow_record(open_store(store)))


def _print_champion(moved: "Version", before: "Version | None") -> None:
    previous = "none" if before is None else f"version {before.version}"
    after = "as before" if moved == before else f"before: {previous}"
    print_line(f"champion: version {moved.version} ({moved.sha256[:12]}), {after}")
