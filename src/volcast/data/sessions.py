"""Which session a run is for: resolved once, at the edge, and passed on."""

from datetime import date, datetime

from volcast.core import calendar
from volcast.core.errors import NotFound, RequestError
from volcast.core.settings import Universe
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

__all__ = ["LIVE_SOURCES", "resolve_as_of"]

LIVE_SOURCES = frozenset({"yfinance"})
"""Sources that go on; all others are archives, whose newest session is the clock."""


def resolve_as_of(store: Store, universe: Universe, given: date | None, *, now: datetime) -> date:
    """Return the session to work for.

    The one given; else, where the target's newest row is of a live source, the last session that
    closed before ``now``; else the newest session of the target in the store.

    Raises
    ------
    RequestError
        If the day given is no session, or has not closed.
    NotFound
        If the target has no row.
    """
    if given is not None:
        if not calendar.is_session(given) or given > calendar.last_closed(now):
            raise RequestError(
                found=str(given), expected="a XNYS session that has closed", where="as_of",
                remedy="Ask for a trading day in the past.", field="as_of",
            )  # fmt: skip
        return given
    rows = store.read(CURATED_MARKET_DAILY, symbols=[universe.target])
    if not len(rows):
        raise NotFound(
            found=f"no row of {universe.target}", expected="curated rows of the target",
            where=store.uri, remedy="Run `volcast ingest` first.",
        )  # fmt: skip
    if rows.column("source")[-1].as_py() in LIVE_SOURCES:
        return calendar.last_closed(now)
    return rows.column("session")[-1].as_py()  # type: ignore[no-any-return]
