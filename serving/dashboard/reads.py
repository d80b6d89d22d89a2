"""Facts of a store, cached for a minute, so that many visitors cost the store one read."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from types import FunctionType
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from volcast.core.settings import Universe
from volcast.monitoring import status
from volcast.store import Store
from volcast.store.universe import recall

__all__ = ["card", "drawn", "health", "outlook", "ribbon", "symbols", "track", "universe"]

_SECONDS = 60
_cached = st.cache_data(ttl=_SECONDS, max_entries=32, show_spinner=False)


@_cached
def universe(uri: str) -> Universe:
    """Return the store's universe; NotFound where nothing was ever ingested."""
    return recall(Store.open(uri))


@_cached
def symbols(uri: str) -> Sequence[str]:
    """Return the symbols with a published forecast."""
    return status.forecast_symbols(Store.open(uri))


@_cached
def outlook(uri: str, symbol: str) -> status.Outlook | status.Missing:
    """Return the newest forecast."""
    return status.outlook(Store.open(uri), symbol)


@_cached
def health(uri: str, of: Universe, symbol: str) -> status.Health:
    """Return the state of data, drift, error and pipelines."""
    return status.health(Store.open(uri), of, symbol, datetime.now(UTC))


@_cached
def track(uri: str, symbol: str) -> pd.DataFrame | status.Missing:
    """Return all forecasts with their outcomes."""
    return status.track(Store.open(uri), symbol)


@_cached
def ribbon(uri: str, symbol: str) -> pd.DataFrame | status.Missing:
    """Return the price with its regimes."""
    return status.ribbon(Store.open(uri), symbol)


@_cached
def card(uri: str) -> status.ModelCard | status.Missing:
    """Return the champion's card."""
    return status.model_card(Store.open(uri))


@st.cache_data(
    max_entries=128, show_spinner=False, hash_funcs={FunctionType: attrgetter("__qualname__")}
)
def drawn(draw: Callable[..., alt.LayerChart], *arguments: object) -> dict[str, Any]:
    """Return a chart as Vega-Lite; the same rows are drawn once.

    It is not checked against Vega-Lite's schema, which takes longer than all else on the page;
    tests do that.
    """
    spec: dict[str, Any] = draw(*arguments).to_dict(validate=False)
    return spec
