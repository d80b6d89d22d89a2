"""``volcast registry``: the versions, champion and challenger, and who moved them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from volcast.cli.arguments import StoreOption, open_store, open_with_universe, print_line
from volcast.cli.tables import AsCsv, AsJson, Listing, Show, form_of, print_data, print_listing

if TYPE_CHECKING:
    from volcast.registry import Version
    from volcast.store import Store

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Look at versions; move champion and challenger.")

Number = Annotated[str, typer.Argument(help="A version's number.")]
Why = Annotated[str, typer.Option(help="For the audit trail.")]
Symbol = Annotated[str | None, typer.Option(help="Default: the store's target.")]
Who = Annotated[str, typer.Option(envvar="USER", help="For the audit trail.")]


@app.command("list")
def list_(store: StoreOption = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List the versions, and which is or was champion or challenger."""
    from volcast import registry

    form = form_of(as_json, as_csv)
    opened, _ = open_with_universe(store)
    roles = registry.roles(opened)
    versions = [
        {"version": one.version, "role": roles.get(one.version, ""), "target": one.target,
         "as_of": one.as_of, "run": one.run_id, "sha256": one.sha256}
        for one in registry.list_versions(opened)
    ]  # fmt: skip
    columns: dict[str, Show] = {
        "version": lambda row: row["version"],
        "role": lambda row: row["role"],
        "target": lambda row: row["target"],
        "as of": lambda row: row["as_of"],
        "run": lambda row: row["run"][:12],
        "sha256": lambda row: row["sha256"][:12],
    }
    if form != "text":
        print_data(form, versions=versions)
    elif versions:
        print_listing(Listing(versions, columns))
    else:
        print_line(f"no version in {opened.uri} yet: `volcast train` makes one")


@app.command()
def show(
    version: Annotated[str | None, typer.Argument(help="Default: the champion.")] = None,
    store: StoreOption = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show a version: record, recipe, lineage, skill, intervals, files and moves."""
    from volcast import registry
    from volcast.cli.versions import print_version

    form = form_of(as_json, as_csv)
    opened, universe = open_with_universe(store)
    number = version or registry.named_champion(opened, universe.target).version
    print_version(opened, registry.find(opened, number), form)


@app.command()
def history(store: StoreOption = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List every move of champion and challenger: who, when, from, to, why."""
    from volcast import registry
    from volcast.cli.versions import events_listing

    form = form_of(as_json, as_csv)
    opened, _ = open_with_universe(store)
    events = events_listing(registry.history(opened))
    if form != "text":
        print_data(form, events=events)
    elif events.rows:
        print_listing(events)
    else:
        print_line("no version was ever moved")


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
    symbol = registry.symbol_of(opened, registry.find(opened, version))
    before = registry.champion_pointer(opened, symbol)
    moved = registry.promote(opened, version, who=who, why=why, when=datetime.now(UTC))
    _print_champion(moved, before)


@app.command()
def rollback(
    why: Why,
    who: Who,
    to: Annotated[str | None, typer.Option(help="Default: the champion before this one.")] = None,
    symbol: Symbol = None,
    store: StoreOption = None,
) -> None:
    """Make a former champion champion again; it is checked first."""
    from volcast import registry

    opened, symbol = _of_symbol(store, symbol)
    before = registry.champion_pointer(opened, symbol)
    moved = registry.rollback(opened, symbol, who=who, why=why, when=datetime.now(UTC), to=to)
    _print_champion(moved, before)


@app.command()
def challenge(version: Number, why: Why, who: Who, store: StoreOption = None) -> None:
    """Let a version forecast next to the champion; it is checked first."""
    from volcast import registry

    moved = registry.challenge(open_store(store), version, who=who, why=why, when=datetime.now(UTC))
    print_line(f"challenger: version {moved.version} ({moved.sha256[:12]})")


@app.command()
def retire(why: Why, who: Who, symbol: Symbol = None, store: StoreOption = None) -> None:
    """Let the challenger forecast no longer."""
    from volcast import registry

    opened, symbol = _of_symbol(store, symbol)
    moved = registry.retire(opened, symbol, who=who, why=why, when=datetime.now(UTC))
    print_line(f"no challenger; it was version {moved.version} ({moved.sha256[:12]})")


@app.command()
def sync(store: StoreOption = None) -> None:
    """Rebuild the mirror in MLflow: add the versions it lacks and set its aliases."""
    from volcast import registry

    print_line(f"MLflow is up to date; versions added: {registry.sync(open_store(store))}")


@app.command()
def shadow(
    symbol: Symbol = None, store: StoreOption = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Score the challenger's published forecasts next to the champion's."""
    from volcast.cli.versions import print_record
    from volcast.monitoring.shadow import shadow_record

    form = form_of(as_json, as_csv)
    opened, symbol = _of_symbol(store, symbol)
    print_record(shadow_record(opened, symbol), form)


def _of_symbol(store: str | None, symbol: str | None) -> "tuple[Store, str]":
    opened, universe = open_with_universe(store)
    return opened, symbol or universe.target


def _print_champion(moved: "Version", before: "Version | None") -> None:
    previous = "none" if before is None else f"version {before.version}"
    after = "as before" if moved == before else f"before: {previous}"
    print_line(f"champion: version {moved.version} ({moved.sha256[:12]}), {after}")
