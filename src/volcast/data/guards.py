"""What is refused before a row is stored: another market, target, calendar or session."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from volcast.core import calendar
from volcast.core.errors import ConfigError, ContractError, StaleInput
from volcast.core.settings import EXAMPLE_UNIVERSES, Universe
from volcast.data.sessions import require_session
from volcast.store import Store
from volcast.store.tables import RAW_MARKET
from volcast.store.universe import recall_or_none

if TYPE_CHECKING:
    # Sources need packages that the image of the model steps does not have.
    from volcast.data.sources.source import Source

__all__ = [
    "require_assets", "require_dates", "require_ingestible", "require_new_york",
    "require_one_market", "require_reached",
]  # fmt: skip


_ODD_SHARE = 0.01
"""Of a symbol's dates. Funds of New York have none; London has 2 %, Tokyo 3 %, crypto 31 %."""

_MISSING_SHARE = 0.03
"""Of the sessions of the median year: Tokyo lacks 6 %, a weekly series 80 %."""

_FEWEST = 5
"""Days that differ from the calendar before a symbol is taken to follow another."""


_QUARTER = pd.Timedelta(days=92)


def require_ingestible(
    store: Store, source: "Source", universe: Universe, *, as_of: date | None,
    also: Sequence[str] = (), switch_target: bool = False,
) -> None:  # fmt: skip
    """Raise what `ingest` would before it fetches from a live source; nothing is written.

    Raises
    ------
    ConfigError
        As `require_assets` and `require_one_market`.
    RequestError
        If ``as_of`` is not a session.
    StaleInput
        As `require_reached`.
    """
    require_assets(universe, also)
    require_one_market(
        store, store.read(RAW_MARKET), source.name, universe, switch_target=switch_target
    )
    if as_of is not None:
        require_session(as_of)
        require_reached(source, universe.target, as_of)


def require_assets(universe: Universe, also: Sequence[str] = ()) -> None:
    """Raise ConfigError if the target, or a symbol to evaluate, is a volatility index."""
    indices = sorted({universe.target, *also} & universe.indices)
    if indices:
        raise ConfigError(
            found=f"target {', '.join(indices)}, a volatility index of the universe",
            expected="an asset", where="--target", remedy="Name an asset, or another --iv.",
            field="target",
        )  # fmt: skip


def require_one_market(
    store: Store, raw: pa.Table, source: str, universe: Universe, *, switch_target: bool = False
) -> None:
    """Refuse rows that do not belong to the market and target of the store.

    The sample and the synthetic market share a store with no other source, whatever the symbols;
    csv folders and Yahoo may extend each other.

    Parameters
    ----------
    raw : pyarrow.Table
        All rows of raw.market.
    source : str
        Where the new rows come from.
    switch_target : bool
        Whether the target may differ from that of ``universe.json``.

    Raises
    ------
    ConfigError
        If the store has rows of another source, and either is sample or synthetic; or if it
        forecasts another target.
    """
    others = set(raw.column("source").unique().to_pylist()) - {source}
    if others and EXAMPLE_UNIVERSES.keys() & {source, *others}:
        raise ConfigError(
            found=f"rows of {', '.join(sorted(others))}",
            expected=f"an empty store, or one of {source}", where=store.uri,
            remedy="Use a separate store for each example source: --store, or STORE= with make.",
            field="store",
        )  # fmt: skip
    stored = recall_or_none(store)
    if stored is None or switch_target or stored.target == universe.target:
        return
    raise ConfigError(
        found=f"target {universe.target}", expected=f"{stored.target}, which the store forecasts",
        where=store.uri,
        remedy=f"Use another store (--store) for {universe.target}, or --switch-target: the store "
        f"then forecasts {universe.target} instead, its features are computed again, and a first "
        f"champion of it is trained. Rows, forecasts and champion of {stored.target} stay.",
        field="target",
    )  # fmt: skip


def require_reached(source: "Source", symbol: str, as_of: date) -> None:
    """Refuse a session after the last one that an archive has of a symbol.

    Raises
    ------
    StaleInput
        Naming that session.
    """
    if source.live:
        return
    for last in (as_of, None):
        days = source.market([symbol], None, last).rows["session"]
        if days.empty or days.max() >= pd.Timestamp(as_of):
            return
    newest = days.max().date()
    raise StaleInput(
        found=f"{symbol} up to {newest}, its last session there", expected=f"a row of {as_of}",
        where=f"source {source.name}",
        remedy=f"Use {newest} (--as-of, AS_OF= with make) or an earlier session; without one, the "
        "last is taken.",
        field="as_of",
    )  # fmt: skip


def require_dates(rows: pd.DataFrame, key: Sequence[str], now: datetime, source: str) -> None:
    """Refuse rows of a source that are dated before 1700 or after tomorrow, in New York.

    Macro values that are not daily may be dated up to a quarter later, at their period's end.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of raw.market or raw.macro.
    key : sequence of str
        The columns of the symbol or series, and of the date.

    Raises
    ------
    ContractError
        Naming the first such row.
    """
    name, day = key
    # ``now`` is in the past where a day is repeated.
    latest_now = max(pd.Timestamp(now), pd.Timestamp.now("UTC"))
    today = latest_now.tz_convert("America/New_York").tz_localize(None).normalize()
    latest = pd.Series(today + pd.Timedelta(days=1), rows.index)
    if "lag_rule" in rows:
        latest = latest.mask(~rows["lag_rule"].str.contains("daily"), today + _QUARTER)
    odd = rows[(rows[day] < pd.Timestamp(calendar.EARLIEST)) | (rows[day] > latest)]
    if odd.empty:
        return
    first = odd.iloc[0]
    raise ContractError(
        found=f"{first[name]} of {first[day].date()}, and {len(odd) - 1} more rows",
        expected=f"dates from {calendar.EARLIEST} to {latest[odd.index[0]].date()}",
        where=f"source {source}, {first[name]}",
        remedy="Fix or remove the rows; nothing of this fetch was stored.",
    )  # fmt: skip


def require_new_york(symbol: str, days: pd.DatetimeIndex, source: str) -> None:
    """Refuse a history whose dates are not those of daily rows on XNYS.

    Parameters
    ----------
    days : pandas.DatetimeIndex
        All dates of the symbol's rows, without repeats.

    Raises
    ------
    ContractError
        If five dates or more and over 1 % of them are no session; or if five sessions or more
        between the first and the last date, and over 3 % in the median year, have no row.
    """
    sessions = pd.DatetimeIndex(calendar.sessions(days.min().date(), days.max().date()))
    odd, missing = days.difference(sessions), sessions.difference(days)
    by_year = pd.Series(sessions.isin(missing), sessions).groupby(sessions.year).mean()
    odd_share, missing_share = len(odd) / len(days), by_year.median()
    if (len(odd) < _FEWEST or odd_share <= _ODD_SHARE) and (
        len(missing) < _FEWEST or missing_share <= _MISSING_SHARE
    ):
        return
    raise ContractError(
        found=f"{symbol}: {odd_share:.1%} of {len(days)} dates are no session of XNYS"
        f"{_examples(odd)}, {missing_share:.1%} of its sessions a year have no row"
        f"{_examples(missing)}",
        expected="one row for each session of the New York Stock Exchange (XNYS)",
        where=f"source {source}",
        remedy="Only sessions of XNYS can be forecast, from one row each. Other exchanges, markets "
        "that trade at weekends, weekly and intraday rows are not supported.",
        field="target",
    )  # fmt: skip


def _examples(days: pd.DatetimeIndex) -> str:
    return f" ({', '.join(f'{day:%Y-%m-%d}' for day in days[-3:])})" if len(days) else ""
