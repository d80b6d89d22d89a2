"""What is in service: the champion, the symbols it answers for, and their clocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from urllib.parse import unquote

from serving.inputs import Signature
from serving.lookup import LastKnown
from volcast.core import calendar
from volcast.core.errors import ModelError
from volcast.core.settings import Universe
from volcast.registry import Champion
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, PREDICTIONS_DAILY

__all__ = ["InService", "clock_of", "known_symbols"]

LIVE_SOURCES = frozenset({"yfinance"})
"""Sources that grow every day; all others are archives that end where they end."""


@dataclass(frozen=True, eq=False)
class InService:
    """One frozen picture of the server's state; a request reads it once and keeps to it.

    Parameters
    ----------
    champion : Champion or None
        The verified version in service.
    clocks : mapping of str to date
        For each symbol that is forecast, the session that the present counts as.
    features : mapping of str to LastKnown
        What the online store last said of each of these symbols.
    """

    champion: Champion | None
    clocks: Mapping[str, date]
    features: Mapping[str, LastKnown]

    def is_as(self, other: "InService") -> bool:
        """Say whether ``other`` would answer every request alike."""
        same = self.champion is other.champion and self.clocks == other.clocks
        return same and self.features == other.features

    @property
    def ready_champion(self) -> Champion:
        """The champion.

        Raises
        ------
        ModelError
            If there is none.
        """
        if self.champion is None:
            raise ModelError(
                found="no champion",
                expected="a promoted and verified version",
                where="server",
                remedy="Run the train pipeline, or promote a version.",
            )
        return self.champion

    @cached_property
    def signature(self) -> Signature:
        """The champion's signature."""
        forecaster = self.ready_champion.forecaster
        return Signature(tuple(forecaster.signature), frozenset(forecaster.optional))


def known_symbols(store: Store, universe: Universe) -> frozenset[str]:
    """Return the symbols that the store holds forecasts of; before the first, the target."""
    keys = store.objects.list(f"{PREDICTIONS_DAILY.name}/")
    found = {_symbol(key) for key in keys if PREDICTIONS_DAILY.holds(key)}
    return frozenset(found) or frozenset({universe.target})


def _symbol(key: str) -> str:
    return unquote(key.split("/")[1].partition("=")[2])


def clock_of(store: Store, symbol: str, now: datetime, as_of: date | None) -> date | None:
    """Return the session that the present counts as for ``symbol``; None without any data.

    This is the one place where the choice is made. A configured ``as_of`` wins. Else the newest
    curated row says where the data comes from: for a live source the present is the last closed
    session at ``now``, so that a feed that stops is seen to age; an archive, such as the embedded
    sample that ends in 2018, ages no further, and its present is its own newest session.
    """
    if as_of is not None:
        near = calendar.sessions(date(as_of.year - 1, 12, 1), as_of)
        return near[-1]
    keys = store.objects.list(CURATED_MARKET_DAILY.folders([symbol])[0])
    years = [year for key in keys if (year := CURATED_MARKET_DAILY.year(key)) is not None]
    if not years:
        return None
    rows = store.read(CURATED_MARKET_DAILY, symbols=[symbol], first=date(max(years), 1, 1))
    newest = rows.select(["session", "source"]).to_pylist()[-1]
    if newest["source"] in LIVE_SOURCES:
        return calendar.last_closed(now)
    session: date = newest["session"]
    return session
