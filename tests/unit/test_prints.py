"""Highs and lows that revert within the session are marked, and moves that stay are not."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faulty_feed import AS_OF, UNIVERSE, truth
from volcast.data.checks.prints import REVERTED, reverts, wide
from volcast.data.curate import curate

PRICES = ["open", "high", "low", "close"]
FEW = settings(derandomize=True, database=None, deadline=None, max_examples=15)
BARS = {seed: truth(seed)["SPY"].assign(symbol="SPY", adjustment=1.0) for seed in range(3)}
BAR_SEEDS, PLACES = st.integers(0, 2), st.integers(30, 319)
PRINTS = [("open", 1), ("open", -1), ("high", 1), ("low", -1)]


def marked(bars: pd.DataFrame) -> list[int]:
    """Return the numbers of the bars marked."""
    prices = wide(bars)
    marks = reverts(*(prices[name] for name in ("high", "low", "close", "adjustment")))
    return np.flatnonzero(marks["SPY"]).tolist()


def with_print(
    bars: pd.DataFrame, at: int, which: tuple[str, int], deviations: float
) -> pd.DataFrame:
    """Move one price so many deviations outside the closes of its session and the one before."""
    name, side = which
    returns = np.log(bars["close"]).diff()
    scale = max(returns.iloc[max(0, at - 66) : at].std(), abs(returns[at]))
    closes, moved = bars.loc[at - 1 : at, "close"], bars.copy()
    edge = closes.max() if side > 0 else closes.min()
    moved.loc[at, name] = edge * np.exp(side * deviations * scale)
    return moved.assign(high=moved[PRICES].max(axis=1), low=moved[PRICES].min(axis=1))


@FEW
@given(BAR_SEEDS, PLACES, st.sampled_from(PRINTS))
def test_a_price_far_outside_both_closes_is_marked_wherever_it_is(
    seed: int, at: int, which: tuple[str, int]
) -> None:
    assert marked(with_print(BARS[seed], at, which, 1.01 * REVERTED)) == [at]
    assert marked(with_print(BARS[seed], at, which, 0.99 * REVERTED)) == []


def test_of_a_feed_whose_ranges_have_widened_for_good_the_first_three_are_marked() -> None:
    bars = BARS[0]
    for at in range(200, 240):
        bars = with_print(bars, at, ("high", 1), 1.5 * REVERTED)
    assert marked(bars) == [200, 201, 202]
    later = with_print(BARS[0], 230, ("high", 1), 1.5 * REVERTED)
    assert marked(with_print(later, 205, ("low", -1), 1.5 * REVERTED)) == [205, 230]


STAYING = {
    "a crash within the session": (0.8, {"open": 1.25, "high": 1.25}),
    "a fall over night": (0.8, {}),
    "a rise over night": (1.3, {}),
    "a flash crash whose close moves": (0.9, {"low": 0.8}),
    "an open far below a close that moves": (0.9, {"open": 0.8, "low": 0.8}),
}


@pytest.mark.parametrize(("by", "changes"), STAYING.values(), ids=STAYING)
@FEW
@given(BAR_SEEDS, PLACES)
def test_a_move_that_stays_is_not_marked(
    by: float, changes: dict[str, float], seed: int, at: int
) -> None:
    bars = BARS[seed].copy()
    bars.loc[at:, PRICES] *= by
    for name, factor in changes.items():
        bars.loc[at, name] *= factor
    assert marked(bars) == []


def test_a_split_on_record_is_not_marked() -> None:
    bars = BARS[0].copy()
    bars.loc[:199, PRICES] *= 4
    bars.loc[200, "adjustment"] = 4.0
    assert marked(bars) == []


@FEW
@given(BAR_SEEDS, PLACES, st.integers(30, 318), st.sampled_from(PRINTS))
def test_later_rows_change_no_mark(seed: int, at: int, cut: int, which: tuple[str, int]) -> None:
    bars = with_print(BARS[seed], at, which, 1.01 * REVERTED)
    later = bars.copy()
    later.loc[cut + 1 :, PRICES] *= 3
    up_to = [at] if at <= cut else []
    assert marked(bars.loc[:cut]) == up_to
    assert [place for place in marked(later) if place <= cut] == up_to


def test_nothing_is_marked_before_a_month_of_returns() -> None:
    bars = BARS[0].copy()
    bars.loc[[5, 22], "high"] *= 2
    assert marked(bars) == []


@pytest.mark.parametrize("which", PRINTS)
def test_curation_flags_an_asset_and_no_index(which: tuple[str, int]) -> None:
    bars = with_print(BARS[0], 200, which, 1.01 * REVERTED)
    raw = pd.concat([bars, bars.assign(symbol="VIX")], ignore_index=True)
    raw = raw.assign(source="csv", ingested_at=AS_OF + timedelta(1))
    rows = curate(raw, UNIVERSE, AS_OF).rows
    flagged = ["price_reverted" in names for names in rows["flags"]]
    assert rows.loc[flagged, ["symbol", "session"]].to_numpy().tolist() == [
        ["SPY", bars.loc[200, "session"]]
    ]
