"""What sources share: retries, and the adjustment that adjusted closes imply."""

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volcast.core.errors import ContractError, SourceUnavailable, VolcastError
from volcast.data.sources.source import adjustments, retried


class Failing:
    def __init__(self, error: type[VolcastError], times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error(found="", expected="", where="", remedy="")
        return "answer"


def test_waits_double_and_are_jittered_by_the_seed() -> None:
    waits: list[float] = []
    request = Failing(SourceUnavailable, 3)
    assert retried(request, attempts=4, sleep=waits.append, rng=random.Random(3)) == "answer"
    jitter = random.Random(3)
    assert waits == [base * jitter.uniform(0.5, 1.5) for base in (1, 2, 4)]


@pytest.mark.parametrize(("error", "calls"), [(SourceUnavailable, 3), (ContractError, 1)])
def test_the_last_failure_is_raised_without_a_wait(error: type[VolcastError], calls: int) -> None:
    waits: list[float] = []
    request = Failing(error, 9)
    with pytest.raises(error):
        retried(request, attempts=3, sleep=waits.append, rng=random.Random(3))
    assert (request.calls, len(waits)) == (calls, calls - 1)


def test_a_dividend_shows_whatever_the_scale_of_the_adjusted_close() -> None:
    close = pd.Series([100.0, 99.0, 101.0])
    paid = pd.Series([50.0, 50.0, 50.0 * 101 / 99])
    for scale in (1.0, 0.37, 12.0):
        made = adjustments(close, paid * scale)
        assert np.isnan(made[0])
        assert made[1] == pytest.approx(100 / 99, rel=1e-12)
        assert made[2] == 1.0


def test_a_missing_price_loses_no_dividend_paid_across_it() -> None:
    close = pd.Series([100.0, np.nan, 0.0, 50.0])
    made = adjustments(close, pd.Series([98.0, 98.5, 99.0, 50.0]))
    assert made[:3].isna().all()
    assert made[3] == pytest.approx((50 / 98) / (50 / 100), rel=1e-12)


@settings(derandomize=True, database=None, deadline=None, max_examples=50)
@given(st.integers(2, 57), st.sampled_from([1.004, 1.03, 1.5, 2.0, 4.0, 0.1]), st.integers(-1, 1))
def test_a_session_without_an_adjusted_close_keeps_its_dividend_and_a_split_its_session(
    day: int, paid: float, off: int
) -> None:
    growth = np.exp(np.random.default_rng(day).normal(0, 0.008, 60))
    growth[day] /= paid
    close = pd.Series(100 * np.cumprod(growth))
    adjusted = close * np.where(np.arange(60) < day, 1.0, paid)
    missing = day + (off if abs(np.log(paid)) > 0.1 else 0)
    expected = adjustments(close, adjusted)
    for value in (np.nan, 0.0, -5.0):
        made = adjustments(close, adjusted.mask(np.arange(60) == missing, value))
        assert made.fillna(1.0).tolist() == pytest.approx(expected.fillna(1.0).tolist(), abs=1e-4)


@pytest.mark.parametrize("symbol", ["SPY", "TLT", "HYG"])
def test_rounding_noise_of_real_files_is_far_from_their_dividends(
    shared_data: Path, symbol: str
) -> None:
    prices = pd.read_csv(shared_data / "market" / f"{symbol}.csv")
    made = adjustments(prices["close"], prices["adj_close"])
    previous = prices.shift()
    exact = prices["adj_close"] / previous["adj_close"] / (prices["close"] / previous["close"])
    noise = (exact - 1).abs()[made == 1.0].max()
    assert noise < 5e-6
    assert made[made != 1.0].min() > 1 + 1e-3
    assert ((made - exact).abs().dropna() < 5e-6).all()
