"""Shared by the commands: options, the store, days, and one way to print."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from volcast.core.errors import ConfigError
from volcast.core.settings import Universe, parse_day, read_settings

if TYPE_CHECKING:
    from volcast.store import Store

__all__ = [
    "DayOption",
    "From",
    "StoreOption",
    "To",
    "check_span",
    "console",
    "open_session",
    "open_store",
    "open_with_universe",
    "print_line",
    "with_symbols",
]

console = Console()


def _day(text: str) -> date | None:
    try:
        return parse_day(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


StoreOption = Annotated[str | None, typer.Option(help="A local folder or s3://bucket/prefix.")]
DayOption = Annotated[
    date | None,
    typer.Option(parser=_day, metavar="YYYY-MM-DD", help="Session; default: the newest."),
]
From = Annotated[
    date, typer.Option("--from", parser=_day, metavar="YYYY-MM-DD", help="First session.")
]
To = Annotated[date, typer.Option("--to", parser=_day, metavar="YYYY-MM-DD", help="Last session.")]


def print_line(line: str) -> None:
    """Print a line without wrapping, markup or colour."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def with_symbols(universe: Universe, target: str | None, iv: str | None) -> Universe:
    """Return the universe with another target or implied volatility, where named."""
    if target is not None and not target.strip():
        raise ConfigError(
            found="an empty target", expected="a symbol", where="--target",
            remedy="Name the symbol to forecast, or omit the option.",
        )  # fmt: skip
    named = {name: value for name, value in (("target", target), ("iv", iv)) if value is not None}
    fields = universe.model_dump() | named
    if fields["iv"] != universe.iv:
        del fields["iv_9d"]  # of the other index
    return Universe(**fields)


def check_span(first: date, last: date) -> None:
    """Raise ConfigError unless two days are in order."""
    if not first or not last or first > last:
        raise ConfigError(
            found=f"--from {first} --to {last}", expected="two dates in order",
            where="command line", remedy="Give --from no later than --to, as YYYY-MM-DD.",
        )  # fmt: skip


def open_store(store: str | None) -> "Store":
    """Open the store that is named, or else that of the settings."""
    from volcast.store import Store

    return Store.open(read_settings(store=store).store)


def open_with_universe(store: str | None) -> "tuple[Store, Universe]":
    """Open the store, with the universe it was ingested with."""
    from volcast.store.universe import recall

    opened = open_store(store)
    return opened, recall(opened)


def open_session(store: str | None, as_of: date | None) -> "tuple[Store, Universe, date]":
    """Open the store, with its universe and the session to work for."""
    from volcast.data.sessions import resolve_as_of

    requested = read_settings(as_of=as_of).as_of
    opened, universe = open_with_universe(store)
    session = resolve_as_of(opened, universe.target, requested, now=datetime.now(UTC))
    return opened, universe, session
