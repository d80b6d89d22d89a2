"""The embedded sample: the S&P 500 index, its VIX and core CPI, as the arch package ships them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ConfigError
from volcast.data.sources.source import Fetched, counts, join, macro_series, market_rows, nothing
from volcast.store.tables import RAW_MARKET

__all__ = ["SampleSource"]

_NOTES = {
    "SPX": (
        "SPX is the S&P 500 index 1999-2018, not a fund: no dividends, adj_close equals close.",
        "SPX opens at the previous close until 2005 (within 0.01 % on 99 % of sessions) and often "
        "in 2006-2007 and 2011-2013. The overnight part of range variance is then zero (0.05 % of "
        "it until 2005, 5 % from 2008) and the whole gap shows between high and low.",
    ),
    "VIX": (
        "VIX starts 2014-01-03 and is null before; closes only: open, high and low repeat them.",
    ),
}


class SampleSource:
    """Real daily history that needs no network; symbols SPX and VIX, series CPILFESL."""

    name = "sample"
    live = False
    symbols: tuple[str, ...] = ("SPX", "VIX")

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        """Fetch SPX and VIX; rows without a value or off XNYS sessions are dropped and counted."""
        return join([self._symbol(symbol, first, last) for symbol in symbols], RAW_MARKET)

    def macro(self, first: date | None, last: date | None) -> Fetched:
        """Fetch core CPI, public 45 days after its month at the latest."""
        read = _read("core_cpi").rename(columns={"Date": "date", "CPILFESL": "value"})
        fetched = macro_series(read, "CPILFESL", self.name, first=first, last=last)
        note = "CPILFESL is core CPI as last revised, not as first printed."
        return replace(fetched, notes=(note,))

    def _symbol(self, symbol: str, first: date | None, last: date | None) -> Fetched:
        if symbol not in self.symbols:
            note = f"The sample has no {symbol}; it has {' and '.join(self.symbols)}."
            return nothing(RAW_MARKET, note)
        prices = _spx() if symbol == "SPX" else _vix()
        days = prices["session"]
        on_session = days.isin(pd.to_datetime(calendar.sessions(days.min(), days.max())))
        sound = on_session & prices["close"].notna()
        dropped = {
            "not a XNYS session": int((~on_session).sum()),
            "no value": int((on_session & ~sound).sum()),
        }
        rows = market_rows(prices[sound], symbol, self.name, first=first, last=last)
        return Fetched(rows, counts(symbol, dropped), _NOTES[symbol])


def _spx() -> pd.DataFrame:
    read = _read("sp500")
    read.columns = pd.Index([str(name).lower().replace(" ", "_") for name in read.columns])
    return read.rename(columns={"date": "session"})


def _vix() -> pd.DataFrame:
    read = _read("vix").rename(columns={"Date": "session", "vix": "close"})
    repeated = {name: read["close"] for name in ("open", "high", "low", "adj_close")}
    return read.assign(**repeated, volume=np.nan)


def _read(dataset: str) -> pd.DataFrame:
    # The file and not arch.data: importing any part of arch compiles and costs seconds.
    spec = find_spec("arch")
    if spec is None or spec.origin is None:
        raise ConfigError(
            found="no arch package", expected="arch, whose data are the sample", where="sample",
            remedy="Install the locked requirements.",
        )  # fmt: skip
    folder = Path(spec.origin).parent / "data" / dataset
    read = pd.read_csv(folder / f"{dataset.replace('_', '-')}.csv.gz", na_values=["."])
    return read.assign(Date=pd.to_datetime(read["Date"], format="%m/%d/%Y"))
