"""Made-up markets for tests: curated rows, stores, and a store with a champion."""

from datetime import UTC, date, datetime
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from volcast import registry
from volcast.core import calendar
from volcast.core.settings import SYNTHETIC_UNIVERSE, Universe
from volcast.data.sources.synthetic import SyntheticSource
from volcast.features import labels
from volcast.features.build import build
from volcast.features.catalog import names
from volcast.features.market import compute
from volcast.features.point_in_time import features_at_close, labelled
from volcast.features.yearly_fits import yearly_features
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, CURATED_MARKET_VERSIONS
from volcast.store.universe import remember
from volcast.training import gate
from volcast.training.train import train

UNIVERSE = SYNTHETIC_UNIVERSE
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def labelled_rows(years: int) -> pd.DataFrame:
    """Return the target's features and labels; macro and regimes are null."""
    return labelled_market(curated(years), UNIVERSE)


def labelled_market(market: pd.DataFrame, universe: Universe) -> pd.DataFrame:
    """Return the same of curated rows of any market."""
    features = with_yearly(compute(market, universe))
    realized = labels.realized(market, universe)
    own = (frame[frame["symbol"] == universe.target] for frame in (features, realized))
    return labelled(*own, market["session"].max())


def with_yearly(features: pd.DataFrame) -> pd.DataFrame:
    """Return market features with those that are fitted yearly; macro and regimes are null."""
    whole = features.merge(yearly_features(features), on=["symbol", "session"])
    return whole.assign(**dict.fromkeys(names("macro", "regime"), np.nan))


def with_regimes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with made-up probabilities of regimes, calm where volatility is low."""
    calm = 1 / (1 + np.exp(3 * (rows["g5_less_g252"] + 0.2)))
    split = {"calm": calm, "normal": (1 - calm) * 0.4, "stressed": (1 - calm) * 0.6}
    return rows.assign(**{f"{k}_{s}": v for k in ("gmm", "hmm") for s, v in split.items()})


@lru_cache(maxsize=4)
def _curated(years: int) -> pd.DataFrame:
    return as_curated(SyntheticSource(years=years).market(UNIVERSE.symbols, None, None).rows)


def as_curated(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a source's rows as curated ones, known at their close and not checked."""
    stamps = calendar.closes(list(rows["session"]))
    whole = rows.assign(
        adjustment=rows["adjustment"].fillna(1.0), known_at=stamps, flags=[[]] * len(rows)
    )
    return CURATED_MARKET_DAILY.conform(whole[CURATED_MARKET_DAILY.schema.names]).to_pandas()


def curated(years: int = 4) -> pd.DataFrame:
    """Return curated rows of the five made-up symbols, from 2000 on."""
    return _curated(years).copy()


def fill(store: Store, years: int, as_of: date | None = None) -> date:
    """Write curated rows, features and labels; return the session they end on."""
    rows = curated(years)
    if as_of is not None:
        rows = rows[rows["session"] <= as_of]
    last = rows["session"].max()
    remember(store, UNIVERSE)
    store.write(CURATED_MARKET_DAILY, rows)
    build(store, UNIVERSE, last)
    labels.build(store, UNIVERSE, last)
    return last


def restate(store: Store, position: int, at: pd.Timestamp, years: int = 2) -> date:
    """Restate one close of the target, known only then; return its session."""
    rows = curated(years)
    own = rows[rows["symbol"] == UNIVERSE.target].sort_values("session").iloc[[position]]
    changed = own.assign(close=own["close"] * 1.002, known_at=at)
    changed = changed.assign(high=changed[["high", "close"]].max(axis=1))
    store.write(CURATED_MARKET_VERSIONS, own[CURATED_MARKET_VERSIONS.schema.names])
    store.write(CURATED_MARKET_DAILY, changed)
    session: date = own["session"].iloc[0]
    return session


def features_of(store: Store, as_of: date) -> pd.DataFrame:
    """Return the target's features straight from the table, with no feature store."""
    return features_at_close(store, UNIVERSE.target, as_of)


def crown(store: Store, as_of: date) -> str:
    """Train on the store, promote whatever the gate's verdict, and return the version."""
    candidate = train(store, UNIVERSE, as_of, features_of(store, as_of))
    gate.evaluate_candidate(store, candidate.run_id, partial(features_at_close, store))
    version = registry.register(store, candidate.run_id)
    registry.promote(store, version.version, who="test", why="test", when=NOON)
    return version.version
