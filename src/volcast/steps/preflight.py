"""Check settings before a run starts: what is wrong is an error at once, and leaves no record.

These checks need neither pandas nor the store's tables, so that they answer in half a second;
`volcast.data.guards` has those that do.
"""

import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from volcast.core.errors import ConfigError, RequestError, StaleInput
from volcast.core.settings import (
    EXAMPLE_UNIVERSES,
    SAMPLE_SPAN,
    Settings,
    csv_files,
)

__all__ = ["check", "check_source", "check_store"]


def check(settings: Settings, symbols: Sequence[str]) -> None:
    """Check the store's address, the source, its symbols and the session of a run.

    Raises
    ------
    ConfigError
        If the store's folder cannot be made or written, or the source lacks a symbol.
    RequestError
        If ``as_of`` is not a session, has not closed, or is before the sample.
    StaleInput
        If it is after the sample.
    """
    check_store(settings.store)
    if not symbols and "://" not in settings.store and not Path(settings.store).exists():
        symbols = [settings.resolved_universe.target]  # which an existing store may name instead
    check_source(settings, symbols)
    if settings.as_of is not None:
        _check_session(settings.as_of, settings.source)


def check_store(uri: str) -> None:
    """Raise ConfigError unless a local store can be made and written; S3 is not tried."""
    if "://" in uri or not uri.strip():
        return  # which `Store.open` checks
    root = Path(uri).expanduser()
    found = ""
    try:
        # A relative address, as the default is, may name folders that the first run makes.
        if root.is_absolute() and not root.parent.is_dir():
            found = f"no folder {root.parent}"
        else:
            places = (root.absolute(), *root.absolute().parents)
            with tempfile.TemporaryFile(dir=next(place for place in places if place.exists())):
                pass
    except OSError as error:
        found = str(error)
    if found:
        raise ConfigError(
            found=found, expected="a folder that can be written", where=f"store {uri}",
            remedy="Create the folder, fix its permissions, or use another --store.",
            field="store",
        )  # fmt: skip


def check_source(settings: Settings, symbols: Sequence[str]) -> None:
    """Raise ConfigError if the source lacks one of the symbols; Yahoo is not asked."""
    if settings.source == "yfinance":
        return
    known = (
        EXAMPLE_UNIVERSES[settings.source].symbols
        if settings.source in EXAMPLE_UNIVERSES
        else tuple(csv_files(settings.source_path))
    )
    lacking = [symbol for symbol in symbols if symbol not in known]
    if lacking:
        raise ConfigError(
            found=" ".join(lacking), expected=f"one of {', '.join(known) or 'no symbol'}",
            where=f"source {settings.source}",
            remedy="Name another symbol, or a source that has it: --source yfinance, or "
            "--source csv --path DIR with DIR/market/SYMBOL.csv.",
            field="target",
        )  # fmt: skip


def _check_session(as_of: date, source: str) -> None:
    first, last = SAMPLE_SPAN
    if source == "sample" and not first <= as_of <= last:
        kind = RequestError if as_of < first else StaleInput
        raise kind(
            found=f"{as_of}; the sample {'begins' if as_of < first else 'ends'} "
            f"{first if as_of < first else last}",
            expected=f"a session from {first} to {last}", where="as_of",
            remedy="Use a session of the sample, or another source.", field="as_of",
        )  # fmt: skip
    from volcast.core import calendar

    calendar.refuse_closed(as_of)
    now = datetime.now(UTC)
    if as_of > now.date() or (as_of == now.date() and as_of > calendar.last_closed(now)):
        raise calendar.not_closed(as_of)
