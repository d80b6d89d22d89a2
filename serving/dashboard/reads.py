"""Facts of a store and charts of them, cached, so that many visitors cost the store one read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from types import FunctionType
from typing import Any, TypeVar

import altair as alt
import streamlit as st

from serving.dashboard.markup import notice
from volcast.core.settings import Universe
from volcast.monitoring import status
from volcast.store import Store

__all__ = ["Reader", "drawn", "fact"]

Fact = TypeVar("Fact")

_SECONDS = 60
_BY_NAME: dict[str | type, Callable[[Any], Any]] = {FunctionType: attrgetter("__qualname__")}


@dataclass(frozen=True)
class Reader:
    """Whose facts are shown, by the store's address and the symbol, and on what page.

    Parameters
    ----------
    dark : bool
        Whether the page is dark.
    """

    uri: str
    universe: Universe
    symbol: str
    dark: bool

    def available(
        self, read: Callable[..., Fact | status.Missing], *arguments: object
    ) -> Fact | None:
        """Return a fact of the store; where it is missing, show the notice and return None."""
        value = fact(read, self.uri, *arguments)
        if isinstance(value, status.Missing):
            st.html(notice("missing", str(value)))
            return None
        return value

    def health(self) -> status.Health:
        """Return the state of data, drift, error and pipelines."""
        return fact(_health, self.uri, self.universe, self.symbol)


def fact(read: Callable[..., Fact], uri: str, *arguments: object) -> Fact:
    """Return what ``read`` does of a store, or what it did in the last minute."""
    result: Fact = _read(read, uri, *arguments)
    return result


@st.cache_data(ttl=_SECONDS, max_entries=256, show_spinner=False, hash_funcs=_BY_NAME)
def _read(read: Callable[..., object], uri: str, *arguments: object) -> Any:
    return read(Store.open(uri), *arguments)


def _health(store: Store, universe: Universe, symbol: str) -> status.Health:
    return status.health(store, universe, symbol, datetime.now(UTC))


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=_BY_NAME)
def drawn(draw: Callable[..., alt.LayerChart], *arguments: object) -> dict[str, Any]:
    """Return a chart as Vega-Lite; the same rows are drawn once.

    It is not checked against Vega-Lite's schema, which takes longer than all else on the page;
    tests do that.
    """
    spec: dict[str, Any] = draw(*arguments).to_dict(validate=False)
    return spec
