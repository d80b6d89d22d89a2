"""The official forecast of each session: the one rule that every reader of forecasts applies.

Only forecasts made as champion count. Of several on one session, one made without hindsight goes
before one made with it; then the one of the version now in service; then that of the newest
version (docs/adr/0030).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from volcast.core.errors import NotFound
from volcast.registry import champion_pointer
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY
from volcast.store.universe import recall

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "forecast_symbols",
    "is_hindsight",
    "numbers_in_service",
    "official_forecasts",
    "out_of_sample",
    "select_official",
]


def official_forecasts(
    store: Store,
    symbol: str,
    *,
    first: date | None = None,
    last: date | None = None,
    in_service: Collection[str] | None = None,
) -> pa.Table:
    """Return the official forecasts of ``symbol``.

    Parameters
    ----------
    first, last : date, optional
        Sessions, both inclusive.
    in_service : collection of str, optional
        Numbers of the versions in service; by default of the registry's champion.

    Returns
    -------
    pyarrow.Table
        Rows of predictions_daily, one a session, sorted.

    Raises
    ------
    ModelError
        If the champion's pointer cannot be read.
    """
    if in_service is None:
        in_service = numbers_in_service(store, [symbol])
    rows = store.read(PREDICTIONS_DAILY, symbols=[symbol], first=first, last=last)
    return select_official(rows, in_service)


def select_official(
    forecasts: pa.Table, in_service: Collection[str], role: str = "champion"
) -> pa.Table:
    """Return the official ones among ``forecasts``: one a symbol and session, sorted.

    Parameters
    ----------
    forecasts : pyarrow.Table
        Rows of predictions_daily.
    in_service : collection of str
        Numbers of the versions in service.
    role : {"champion", "challenger"}
        The record of challengers is chosen by the same rule.
    """
    forecasts = forecasts.filter(pc.equal(forecasts["role"], role))
    version = forecasts["model_version"]
    ranks = {
        "symbol": forecasts["symbol"],
        "session": forecasts["session"],
        "foresight": _made_in_time(forecasts),
        "in_service": pc.is_in(version, pa.array([*in_service], version.type)),
        "number": version.cast(pa.int64()),
    }
    rows = pa.table(ranks | {"row": np.arange(len(forecasts))})
    ranked = rows.sort_by([(name, "ascending") for name in ranks])
    ranked = ranked.append_column("place", pa.array(np.arange(len(ranked))))
    # The groups come in any order, the places of their last rows in that of the key.
    newest = ranked.group_by(["symbol", "session"]).aggregate([("place", "max")])["place_max"]
    return forecasts.take(ranked["row"].take(np.sort(newest.to_numpy())))


def forecast_symbols(store: Store) -> list[str]:
    """Return the symbols with a published forecast, the store's target first.

    Raises
    ------
    ContractError
        If the store's universe cannot be read.
    """
    symbols = store.symbols(PREDICTIONS_DAILY)
    try:
        target = recall(store).target
    except NotFound:
        return symbols
    return [target, *(symbol for symbol in symbols if symbol != target)]


def numbers_in_service(store: Store, symbols: Iterable[str]) -> frozenset[str]:
    """Return the numbers of the champions of symbols."""
    champions = (champion_pointer(store, symbol) for symbol in symbols)
    return frozenset(one.version for one in champions if one)


def is_hindsight(row: Mapping[str, Any]) -> bool:
    """Whether a row's version was trained on later sessions, or does not record on which."""
    trained: date | None = row["model_as_of"]
    return trained is None or bool(row["session"] < trained)


def out_of_sample(forecasts: pa.Table) -> "pd.DataFrame":
    """Return the rows of predictions_daily that are not hindsight, as `is_hindsight` has it."""
    frame: pd.DataFrame = forecasts.filter(_made_in_time(forecasts)).to_pandas()
    return frame


def _made_in_time(forecasts: pa.Table) -> pa.ChunkedArray:
    later = pc.greater_equal(forecasts["session"], forecasts["model_as_of"])
    return pc.fill_null(later, False)
