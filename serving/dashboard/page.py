"""The page: its order, whose facts it shows, and the notice of a section that cannot be read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from serving.dashboard.markup import notice
from serving.dashboard.reads import Reader, fact
from serving.dashboard.sections.forecast import show_drivers, show_headline
from serving.dashboard.sections.history import (
    choose_span,
    show_fan,
    show_regimes,
    show_scores,
    show_track,
)
from serving.dashboard.sections.model import show_model
from serving.dashboard.sections.watch import show_data, show_watch
from volcast.core.errors import NotFound, StoreUnavailable, VolcastError
from volcast.core.settings import Settings, Universe, read_settings
from volcast.monitoring.status import forecast_symbols
from volcast.store import Store
from volcast.store.universe import recall

__all__ = ["show"]

_STYLE = Path(__file__).with_name("style.css")


def show() -> None:
    """Show the page."""
    st.set_page_config(page_title="volcast", layout="wide")
    st.html(_STYLE)
    settings = read_settings()
    uri = Store.open(settings.store).uri
    try:
        universe, warning = _universe(uri, settings)
        symbols = fact(forecast_symbols, uri)
    except StoreUnavailable as error:
        st.html(
            '<h1 class="v-headline">The store cannot be reached</h1>' + notice("wrong", str(error))
        )
        return
    except VolcastError as error:
        universe, warning, symbols = settings.resolved_universe, notice("wrong", str(error)), []
    symbol = _symbol(symbols or [universe.target])
    reader = Reader(uri, universe, symbol, st.context.theme.type == "dark")
    if warning:
        st.html(warning)
    show_headline(reader)
    span = choose_span()
    rows = (
        (lambda: show_fan(reader, span), lambda: show_drivers(reader)),
        (lambda: show_track(reader, span), lambda: show_scores(reader, span)),
        (lambda: show_regimes(reader, span), lambda: show_watch(reader)),
    )
    for row in rows:
        for column, show_section in zip(st.columns([1.4, 1], gap="large"), row, strict=True):
            with column:
                _guarded(show_section)
    _guarded(lambda: show_data(reader))
    _guarded(lambda: show_model(reader))


def _universe(uri: str, settings: Settings) -> tuple[Universe, str]:
    try:
        return fact(recall, uri), ""
    except NotFound as error:
        return settings.resolved_universe, notice("missing", str(error))


def _symbol(symbols: Sequence[str]) -> str:
    requested = st.query_params.get("symbol")
    if requested is not None and requested not in symbols:
        st.html(notice("warning", f"There is no forecast of {requested}; this is {symbols[0]}."))
    if len(symbols) == 1:
        return symbols[0]
    start = symbols.index(requested) if requested in symbols else 0
    chosen: str = st.radio("Symbol", symbols, index=start, horizontal=True, key="symbol")
    st.query_params["symbol"] = chosen
    return chosen


def _guarded(show_section: Callable[[], None]) -> None:
    try:
        show_section()
    except VolcastError as error:
        st.html(notice("wrong", str(error)))
