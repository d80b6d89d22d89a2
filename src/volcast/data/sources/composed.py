"""Market rows of one source, and macro rows of another."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from volcast.core.errors import SourceUnavailable
from volcast.data.sources.protocol import Fetched, Source, nothing
from volcast.store.tables import RAW_MACRO

__all__ = ["Composed"]


class _Macro(Protocol):
    def macro(self, first: date | None, last: date | None) -> Fetched: ...


class Composed:
    """A source made of two.

    Parameters
    ----------
    market : Source
        Gives its name, its symbols and its market rows.
    macro : FredMacro, or what else has macro rows
    """

    def __init__(self, market: Source, macro: _Macro) -> None:
        self.name, self.live, self.symbols = market.name, market.live, market.symbols
        self._market, self._macro = market, macro

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch from the market source; its errors are this one's."""
        return self._market.market(symbols, first, last)

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch from the macro source; where it does not answer, say so and go on without.

        No forecast rests on a macro value, so none must wait for one: what was published
        meanwhile comes with the next fetch, and a feature that grows too old is null. A wrong key
        or a broken contract is raised.
        """
        try:
            return self._macro.macro(first, last)
        except SourceUnavailable as error:
            return nothing(RAW_MACRO, f"No macro rows this time: {error}")
