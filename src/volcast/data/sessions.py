"""The session that a run or an answer is for: one rule for every reader."""

from datetime import date, datetime

from volcast.core import calendar
from volcast.core.errors import NotFound
from volcast.core.names import LIVE_SOURCES
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

__all__ = ["present_session", "require_session", "resolve_as_of"]


def resolve_as_of(store: Store, symbol: str, as_of: date | None, *, now: datetime) -> date:
    """Return the session to work for: ``as_of`` if it is set, else the present one of ``symbol``.

    Raises
    ------
    RequestError
        If ``as_of`` is not a session, or has not closed.
    NotFound
        If ``as_of`` is None and the symbol has no curated row.
    """
    if as_of is not None:
        return require_session(as_of, now=now)
    rows = store.read_newest(CURATED_MARKET_DAILY, symbols=[symbol], years=1)
    if not len(rows):
        raise NotFound(
            found=f"no row of {symbol}", expected=f"curated rows of {symbol}",
            where=store.uri, remedy="Run `volcast ingest` first.",
        )  # fmt: skip
    newest = rows.select(["session", "source"]).to_pylist()[-1]
    return present_session(newest["session"], newest["source"], now)


def present_session(newest: date, source: str, now: datetime) -> date:
    """Return the present session of a symbol whose newest curated row is of ``newest``.

    It is the last closed one for a live source, so that a feed that stops becomes stale.
    """
    return calendar.last_closed(now) if source in LIVE_SOURCES else newest


def require_session(day: date, *, now: datetime | None = None) -> date:
    """Return ``day`` if it is a session, and one that has closed by ``now`` if that is set.

    Raises
    ------
    RequestError
        If ``day`` is not.
    """
    if not calendar.is_session(day):
        calendar.refuse_closed(day)
    if now is not None and day > calendar.last_closed(now):
        raise calendar.not_closed(day)
    return day
