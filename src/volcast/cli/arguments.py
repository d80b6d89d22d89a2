"""What the commands share: their options, the store they open, the days they are given."""

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
    "at",
    "console",
    "day",
    "open_store",
    "recalled",
    "say",
    "span",
    "with_roles",
]

console = Console()

StoreOption = Annotated[str | None, typer.Option(help="A local folder or s3://bucket/prefix.")]
DayOption = Annotated[str | None, typer.Option(help="Session, YYYY-MM-DD; default: the newest.")]
From = Annotated[str, typer.Option("--from", help="First session, YYYY-MM-DD.")]
To = Annotated[str, typer.Option("--to", help="Last session, YYYY-MM-DD.")]


def say(line: str) -> None:
    """Print a line as it is."""
    console.print(line, highlight=False, markup=False)


def with_roles(universe: Universe, target: str | None, iv: str | None) -> Universe:
    """Return the universe with the target and implied volatility given, if any."""
    if target is not None and not target.strip():
        raise ConfigError(
            found="an empty target", expected="a symbol", where="--target",
            remedy="Name the symbol to forecast, or leave the option away.",
        )  # fmt: skip
    given = {name: value for name, value in (("target", target), ("iv", iv)) if value is not None}
    return Universe(**(universe.model_dump() | given))


def day(text: str | None) -> date | None:
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


def span(first: str, last: str) -> tuple[date, date]:
    """Read two dates in order."""
    begin, end = day(first), day(last)
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


def recalled(store: str | None) -> "tuple[Store, Universe]":
    """Open the store, with the universe it was ingested with."""
    from volcast.store.universe import recall

    opened = open_store(read_settings(store=store))
    return opened, recall(opened)


def at(store: str | None, as_of: str | None) -> "tuple[Store, Universe, date]":
    """Open the store, with its universe and the session to work for."""
    from volcast.data.sessions import resolve_as_of

    given = read_settings(as_of=day(as_of)).as_of
    opened, universe = recalled(store)
    return opened, universe, resolve_as_of(opened, universe.target, given, now=datetime.now(UTC))
