"""What is in service: the champion, the symbols it answers for, and their clocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import unquote

from serving.inputs import Signature
from serving.lookup import LastKnown
from volcast.core.errors import ModelError
from volcast.core.settings import Universe
from volcast.registry import Champion
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY

__all__ = ["InService", "known_symbols"]


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
