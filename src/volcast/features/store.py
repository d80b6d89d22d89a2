"""features_daily: written as vintages, read as known then."""

from datetime import date

import numpy as np
import pandas as pd

from volcast.config import Universe
from volcast.contracts import CURATED_MARKET_DAILY, FEATURES_DAILY
from volcast.errors import ContractError
from volcast.features.compute import compute
from volcast.features.definitions import names
from volcast.storage import Store, WriteReport

__all__ = ["as_known_then", "build"]

_SAME = 1e-9
"""Relative difference up to which a recomputed value is the stored one: a longer history may move
the last digits of a running sum."""


def build(store: Store, universe: Universe, as_of: date) -> WriteReport:
    """Compute features up to ``as_of`` and write the rows that are new or restated.

    A session seen for the first time is created at its close. A stored session whose values
    changed gets a new row, created when the restated price that changed it became known; the
    earlier row stays, so that what was known then can always be read.

    Raises
    ------
    ContractError
        If the target has no curated row.
    """
    curated = store.read(CURATED_MARKET_DAILY, last=as_of).to_pandas()
    if universe.target not in set(curated["symbol"]):
        raise ContractError(
            found=f"no row of {universe.target}", expected="curated rows of the target",
            where=f"{store.uri}, {CURATED_MARKET_DAILY.name} up to {as_of}",
            remedy="Run `volcast ingest` first, with the universe's target.",
        )  # fmt: skip
    fresh = compute(curated, universe)
    stored = store.read(FEATURES_DAILY, last=as_of).to_pandas()
    latest = stored.drop_duplicates(["symbol", "session"], keep="last")
    return store.write(FEATURES_DAILY, _versions(fresh, latest, _known_by(curated)))


def _versions(fresh: pd.DataFrame, latest: pd.DataFrame, known_by: pd.DataFrame) -> pd.DataFrame:
    """Return the rows to write, each with its created_timestamp."""
    values = [*names(), "iv_symbol"]
    both = fresh.merge(
        latest[["symbol", "session", "created_timestamp", *values]],
        on=["symbol", "session"], how="left", suffixes=("", "_stored"),
    ).merge(known_by, on=["symbol", "session"], how="left")  # fmt: skip
    first_time = both["created_timestamp"].isna()
    new = both[names()].to_numpy(dtype=float)
    old = both[[f"{name}_stored" for name in names()]].to_numpy(dtype=float)
    same = np.isclose(new, old, rtol=_SAME, atol=1e-12, equal_nan=True).all(axis=1)
    same &= (both["iv_symbol"].fillna("") == both["iv_symbol_stored"].fillna("")).to_numpy()
    later = both["known_by"].where(both["known_by"] > both["created_timestamp"])
    # A change without a restated price is another universe or other code: the row is known anew
    # from the close, in place of the old one.
    created = later.fillna(both["created_timestamp"]).where(~first_time, both["event_timestamp"])
    changed = first_time.to_numpy() | ~same
    rows: pd.DataFrame = both.assign(created_timestamp=created)[changed]
    return rows[list(FEATURES_DAILY.schema.names)]


def _known_by(curated: pd.DataFrame) -> pd.DataFrame:
    """Return when the last-known price up to each session became known."""
    ordered = curated.sort_values("session", kind="stable")
    by_session = ordered.groupby("session")["known_at"].max().cummax()
    known = ordered[["symbol", "session"]].drop_duplicates()
    return known.assign(known_by=known["session"].map(by_session))


def as_known_then(store: Store, symbol: str, last: date) -> pd.DataFrame:
    """Return the features of each session as they were known at its own close.

    A version created later than the session's close is left out.

    Returns
    -------
    pandas.DataFrame
        Columns of features_daily, one row a session, sorted.
    """
    rows: pd.DataFrame = store.read(FEATURES_DAILY, symbols=[symbol], last=last).to_pandas()
    known = rows[rows["created_timestamp"] <= rows["event_timestamp"]]
    return known.drop_duplicates("session", keep="last").reset_index(drop=True)
