"""What the page shows of one store and symbol, each read once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from volcast.core.errors import ConfigError, NotFound, StoreUnavailable, VolcastError
from volcast.core.settings import Universe
from volcast.monitoring import status
from volcast.store import Store
from volcast.store.universe import recall

__all__ = ["Facts"]


@dataclass(frozen=True)
class Facts:
    """Facts of ``store`` about ``requested``, or about its first symbol if that has no forecast.

    ``fallback`` is the universe of a store that records none.
    """

    store: Store
    fallback: Universe
    requested: str

    outlook = cached_property(lambda self: status.outlook(self.store, self.symbol))
    track = cached_property(lambda self: status.track(self.store, self.symbol))
    ribbon = cached_property(lambda self: status.ribbon(self.store, self.symbol))
    card = cached_property(lambda self: status.model_card(self.store, self.symbol))
    health = cached_property(
        lambda self: status.health(self.store, self.universe, self.symbol, datetime.now(UTC))
    )

    @cached_property
    def recorded(self) -> Universe | VolcastError:
        """The store's universe, or why it cannot be read."""
        try:
            return recall(self.store)
        except (ConfigError, StoreUnavailable):
            raise
        except VolcastError as error:
            return error

    @property
    def universe(self) -> Universe:
        """The store's universe, or the fallback."""
        return self.recorded if isinstance(self.recorded, Universe) else self.fallback

    @cached_property
    def symbols(self) -> list[str]:
        """Symbols with a forecast, at least one."""
        readable = isinstance(self.recorded, Universe | NotFound)
        symbols = status.forecast_symbols(self.store) if readable else []
        return symbols or [self.universe.target]

    @property
    def symbol(self) -> str:
        """The symbol that is shown."""
        return self.requested if self.requested in self.symbols else self.symbols[0]
