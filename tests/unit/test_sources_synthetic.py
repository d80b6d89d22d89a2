"""The synthetic market."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from volcast.core import calendar
from volcast.core.settings import SYNTHETIC_UNIVERSE
from volcast.data.sources import SyntheticSource


def fetch(years: int = 20, seed: int = 7, last: date | None = None) -> pd.DataFrame:
    source = SyntheticSource(years=years, seed=seed)
    return source.market(source.symbols, None, last).rows


def by_symbol(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {str(symbol): part.set_index("session") for symbol, part in rows.groupby("symbol")}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return fetch()


def test_all_symbols_have_a_sound_bar_of_every_session_since_their_start(
    rows: pd.DataFrame,
) -> None:
    sessions = calendar.sessions(date(2000, 1, 3), date(2019, 12, 31))
    late = calendar.sessions(date(2003, 1, 2), date(2019, 12, 31))
    assert set(rows["symbol"]) == {*SYNTHETIC_UNIVERSE.symbols}
    body = rows[["open", "close"]]
    assert ((rows["low"] > 0) & (rows["low"] <= body.min(axis=1))).all()
    assert (rows["high"] >= body.max(axis=1)).all()
    for symbol, part in by_symbol(rows).items():
        expected = late if symbol == "SYNVIX9D" else sessions
        assert [day.date() for day in part.index] == expected


def test_the_9_day_index_moves_with_the_30_day_one_and_more(rows: pd.DataFrame) -> None:
    closes = rows.pivot(index="session", columns="symbol", values="close")
    moves = np.log(closes[["SYNVIX", "SYNVIX9D"]]).diff().dropna()
    assert moves.corr().iloc[0, 1] > 0.7
    assert moves["SYNVIX9D"].std() > 1.2 * moves["SYNVIX"].std()


def test_the_same_seed_gives_the_same_rows_and_another_does_not(rows: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(fetch(), rows, check_exact=True)
    assert not fetch(seed=8)["close"].equals(rows["close"])


def test_a_later_end_changes_no_earlier_row() -> None:
    short, long = fetch(years=3), fetch(last=date(2004, 6, 30))
    early = long[long["session"] <= pd.Timestamp("2002-12-31")].reset_index(drop=True)
    pd.testing.assert_frame_equal(early, short, check_exact=True)


def test_more_symbols_change_no_other_symbol() -> None:
    wide = SyntheticSource(symbols=12, years=4)
    many = wide.market(wide.symbols, None, None).rows
    assert many["symbol"].nunique() == 12
    named = many[many["symbol"].isin(wide.symbols[:6])].reset_index(drop=True)
    pd.testing.assert_frame_equal(named, fetch(years=4), check_exact=True)
    alone = wide.market(["SYN00009"], None, None).rows
    tenth = many[many["symbol"] == "SYN00009"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, tenth, check_exact=True)


def test_volatility_clusters_falls_when_prices_rise_and_is_foretold_by_the_vix(
    rows: pd.DataFrame,
) -> None:
    parts = by_symbol(rows)
    returns = np.log(parts["SYN"]["close"]).diff()
    vix = parts["SYNVIX"]["close"] / 100
    realized = (252 * (returns**2).rolling(22).mean()).shift(-22) ** 0.5
    assert (returns**2).rolling(22).mean().autocorr(22) > 0.4
    assert returns.corr(vix.diff()) < -0.4
    assert realized.corr(vix) > 0.6
    assert 1.1 < (vix**2).mean() / (realized**2).mean() < 1.35


def test_the_range_measures_the_share_of_variance_of_the_session(rows: pd.DataFrame) -> None:
    syn = by_symbol(rows)["SYN"]
    overnight = (np.log(syn["open"] / syn["close"].shift()) ** 2).mean()
    session = 0.5 * np.log(syn["high"] / syn["low"]) ** 2
    session -= (2 * np.log(2) - 1) * np.log(syn["close"] / syn["open"]) ** 2
    total = (np.log(syn["close"] / syn["close"].shift()) ** 2).mean()
    # Garman-Klass is unbiased for a Brownian session; 5,000 sessions with fat tails give 6 %.
    assert (overnight + session.mean()) / total == pytest.approx(1.0, abs=0.06)
    assert overnight / total == pytest.approx(0.2, abs=0.03)


def test_dividends_show_in_the_adjustment_alone(rows: pd.DataFrame) -> None:
    paid = by_symbol(rows)["SYN"]["adjustment"].dropna()
    assert paid[paid != 1.0].between(1.0039, 1.0041).all()
    assert (paid != 1.0).sum() == len(paid) // 63
