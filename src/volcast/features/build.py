"""features_daily: written as vintages, read as known then."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from volcast.core.errors import ContractError
from volcast.core.settings import Universe
from volcast.data.vintages import Vintage, vintages
from volcast.features.catalog import market_names
from volcast.features.context import with_context
from volcast.features.market import compute
from volcast.store import Store, WriteReport
from volcast.store.tables import CURATED_MARKET_DAILY, FEATURES_DAILY

__all__ = ["build", "versions"]

_SAME = 1e-9
"""Relative difference up to which a value is the same in two vintages."""


def build(store: Store, universe: Universe, as_of: date) -> WriteReport:
    """Compute features up to ``as_of``, as they were known, and write what is new or changed.

    Raises
    ------
    ContractError
        If the target has no curated row.
    """
    known = vintages(store, as_of)
    if universe.target not in set(known[-1].curated["symbol"]):
        raise ContractError(
            found=f"no row of {universe.target}", expected="curated rows of the target",
            where=f"{store.uri}, {CURATED_MARKET_DAILY.name} up to {as_of}",
            remedy="Run `volcast ingest` first, with the universe's target.",
        )  # fmt: skip
    return store.write(FEATURES_DAILY, with_context(versions(known, universe), store, universe))


def versions(known: Sequence[Vintage], universe: Universe) -> pd.DataFrame:
    """Compute every version of every session's market features.

    A session has one, created at its close, from the vintage known then; and one more for each
    later vintage that changed it, created when that became known.

    Returns
    -------
    pandas.DataFrame
        Columns of features_daily but for those of `volcast.features.context`.
    """
    parts, before = [], None
    for vintage in known:
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


def _same(rows: pd.DataFrame, before: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Mark the rows whose features are those of ``before``."""
    key = ["symbol", "session"]
    stood = rows[key].merge(before[[*key, *market_names()]], on=key, how="left", indicator=True)
    values, old = (frame[market_names()].to_numpy(dtype=float) for frame in (rows, stood))
    same = np.isclose(values, old, rtol=_SAME, atol=1e-12, equal_nan=True).all(axis=1)
    return same & (stood["_merge"] == "both").to_numpy()  # type: ignore[no-any-return]
