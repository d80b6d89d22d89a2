"""features_daily: every version of every session's features."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.core.settings import Universe
from volcast.data.vintages import Vintage, vintages
from volcast.features.catalog import FEATURES_DAILY, market_names, names
from volcast.features.macro import macro_features
from volcast.features.market import compute
from volcast.features.regimes import regime_features
from volcast.features.yearly_fits import yearly_features
from volcast.store import Store, WriteReport
from volcast.store.tables import CURATED_MARKET_DAILY, RAW_MACRO

__all__ = ["build", "versions", "with_context"]

_BATCH = 50
"""Symbols of a batch: 20 years of them take a gigabyte."""

_MONTH = timedelta(days=40)
"""At least the 22 sessions that macro changes reach back."""

_SAME = 1e-9
"""Relative difference up to which a value is the same in two vintages."""


def build(store: Store, universe: Universe, as_of: date) -> WriteReport:
    """Compute every version of the features up to ``as_of`` and write what is new or changed.

    Symbols beyond the universe follow in batches: memory does not grow with their number.

    Raises
    ------
    ContractError
        If the target has no curated row; nothing is written then.
    """
    own = universe.symbols
    others = [symbol for symbol in store.symbols(CURATED_MARKET_DAILY) if symbol not in own]
    batches = [own, *(others[i : i + _BATCH] for i in range(0, len(others), _BATCH))]
    reports = [_build(store, universe, as_of, batch) for batch in batches]
    return WriteReport(*map(sum, zip(*map(astuple, reports), strict=True)))


def _build(store: Store, universe: Universe, as_of: date, symbols: Sequence[str]) -> WriteReport:
    """Write the features of these symbols; prices of the universe's may be part of them."""
    history = vintages(store, as_of, sorted({*universe.symbols, *symbols}))
    if universe.target not in set(history[-1].curated["symbol"]):
        raise ContractError(
            found=f"no row of {universe.target}", expected="curated rows of the target",
            where=f"{store.uri}, {CURATED_MARKET_DAILY.name} up to {as_of}",
            remedy="Run `volcast ingest` first, with the universe's target.",
        )  # fmt: skip
    rows = versions(history, universe)
    rows = rows[rows["symbol"].isin(symbols)].reset_index(drop=True)
    if rows.empty:
        return WriteReport(added=0, replaced=0, unchanged=0, files=0)
    return store.write(FEATURES_DAILY, with_context(rows, store, universe))


def versions(history: Sequence[Vintage], universe: Universe) -> pd.DataFrame:
    """Compute every version of every session's market features.

    A session has one created at its close, and one for each later vintage that changed it, created
    when that vintage began. Columns are those of features_daily that `with_context` does not add.
    """
    parts, before = [], None
    for vintage in history:
        now = compute(vintage.curated, universe)
        close = now["event_timestamp"]
        new = now[vintage.holds(close)]
        parts.append(new.assign(created_timestamp=new["event_timestamp"]))
        if before is not None:
            past = now[close < vintage.since]
            changed = past[~_same(past, before)]
            parts.append(changed.assign(created_timestamp=vintage.since))
        before = now
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)


def with_context(rows: pd.DataFrame, store: Store, universe: Universe) -> pd.DataFrame:
    """Add the macro, event and regime features as of each session's close.

    All versions of a session get the same ones: a price restated later changes the market features
    of a new version only. Only the universe's target has regimes.

    Parameters
    ----------
    rows : pandas.DataFrame
        All versions, as of `versions`, numbered from 0.
    store : Store
        Has raw.macro, and caches the fits of the regimes.

    Returns
    -------
    pandas.DataFrame
        Columns of features_daily, rows in the order of ``rows``.
    """
    raw = store.read(RAW_MACRO).to_pandas(date_as_object=False)
    at, closes = pd.factorize(rows["event_timestamp"], sort=True)
    # Every session counts: the changes of one symbol do not depend on which others there are.
    first, last = closes[0].date() - _MONTH, closes[-1].date()
    macro = macro_features(raw, calendar.closes(calendar.sessions(first, last))).loc[closes]
    symbol, _ = pd.factorize(rows["symbol"], sort=True)
    _, firsts, of = np.unique(symbol * len(closes) + at, return_index=True, return_inverse=True)
    # One row a symbol and session, as of its close; null where its prices came later.
    in_time = np.flatnonzero(rows["created_timestamp"] == rows["event_timestamp"])
    place = np.full(len(firsts), -1)
    place[of[in_time]] = in_time
    at_close = rows.reindex(place).reset_index(drop=True)
    at_close[["symbol", "session"]] = rows[["symbol", "session"]].to_numpy()[firsts]
    own = at_close[(at_close["symbol"] == universe.target) & (place >= 0)]
    regimes = regime_features(own.reset_index(drop=True), store, universe.target)
    regimes = regimes[names("regime")].set_axis(own.index).reindex(at_close.index)
    events = yearly_features(at_close)[names("event")]
    context = [macro.take(at), events.take(of), regimes.take(of)]
    whole = pd.concat([rows, *(frame.set_axis(rows.index) for frame in context)], axis=1)
    return whole[list(FEATURES_DAILY.schema.names)]


def _same(rows: pd.DataFrame, before: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Mark the rows whose features are those of ``before``."""
    key = ["symbol", "session"]
    stored = rows[key].merge(before[[*key, *market_names()]], on=key, how="left", indicator=True)
    values, old = (frame[market_names()].to_numpy(dtype=float) for frame in (rows, stored))
    same = np.isclose(values, old, rtol=_SAME, atol=1e-12, equal_nan=True).all(axis=1)
    return same & (stored["_merge"] == "both").to_numpy()  # type: ignore[no-any-return]
