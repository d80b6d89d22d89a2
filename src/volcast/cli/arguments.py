"""Shared by the commands: options, the store, days, and one way to print."""

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from volcast.core.errors import ConfigError
from volcast.core.settings import Settings, Universe, read_settings

if TYPE_CHECKING:
    from volcast.store import Store

__all__ = [
    "DayOption",
    "From",
    "StoreOption",
    "To",
    "console",
    "open_session",
    "open_store",
    "open_with_universe",
    "parse_day",
    "parse_span",
    "print_line",
    "with_symbols",
]

console = Console()

StoreOption = Annotated[str | None, typer.Option(help="A local folder or s3://bucket/prefix.")]
DayOption = Annotated[str | None, typer.Option(help="Session, YYYY-MM-DD; default: the newest.")]
From = Annotated[str, typer.Option("--from", help="First session, YYYY-MM-DD.")]
To = Annotated[str, typer.Option("--to", help="Last session, YYYY-MM-DD.")]


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
    return Universe(**(universe.model_dump() | named))


def parse_day(text: str | None) -> date | None:
    """Read a date; None for none."""
    if text is None or not text.strip():
        return None
    try:
        # strptime would take 2021-1-4, and fromisoformat a week date.
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            found=repr(text), expected="a date as YYYY-MM-DD", where="command line",
            remedy="Write the date so, for example 2021-12-31.",
        ) from error  # fmt: skip


def parse_span(first: str, last: str) -> tuple[date, date]:
    """Read two dates in order."""
    begin, end = parse_day(first), parse_day(last)
    if begin is None or end is None or begin > end:
        raise ConfigError(
            found=f"--from {first} --to {last}", expected="two dates in order",
            where="command line", remedy="Give --from no later than --to, as YYYY-MM-DD.",
        )  # fmt: skip
    return begin, end


def open_store(settings: Settings) -> "Store":
    """Open the store of the settings."""
    from volcast.store import Store

    return Store.open(settings.store)


def open_with_universe(store: str | None) -> "tuple[Store, Universe]":
    """Open the store, with the universe it was ingested with."""
    from volcast.store.universe import recall

    opened = open_store(read_settings(store=store))
    return opened, recall(opened)


def open_session(store: str | None, as_of: str | None) -> "tuple[Store, Universe, date]":
    """Open the store, with its universe and the session to work for."""
    from volcast.data.sessions import resolve_as_of

    requested = read_settings(as_of=parse_day(as_of)).as_of
    opened, universe = open_with_universe(store)
    return (
        opened,
        universe,
        resolve_as_of(opened, universe.target, requested, now=datetime.now(UTC)),
    )
