"""Evaluation: what was not known then moves no forecast."""

from datetime import date

import pandas as pd
import pytest

from tests.markets import UNIVERSE, fill, restate
from volcast.core.errors import ConfigError, NotFound
from volcast.evaluation.evaluate import evaluate

FIRST, LAST = date(2004, 1, 2), date(2005, 12, 30)


@pytest.fixture
def filled(store):
    fill(store, 6)
    return store


def test_a_price_restated_later_changes_scores_and_no_forecast(filled):
    before = evaluate(filled, UNIVERSE, FIRST, LAST).rows
    session = restate(filled, 1100, pd.Timestamp("2026-01-02", tz="UTC"), years=6)
    after = evaluate(filled, UNIVERSE, FIRST, LAST).rows
    pd.testing.assert_frame_equal(
        after.drop(columns="rv_5d"), before.drop(columns="rv_5d"), check_exact=True
    )
    moved = before.loc[before["rv_5d"].fillna(0) != after["rv_5d"].fillna(0), "session"]
    # The restated close is in two returns, each in five windows, four of them shared.
    assert len(moved) == 6
    assert min(moved) < session


def test_bounds_are_inclusive_and_do_not_move_a_forecast(filled):
    whole = evaluate(filled, UNIVERSE, FIRST, LAST).rows
    part = evaluate(filled, UNIVERSE, date(2005, 3, 1), date(2005, 6, 30)).rows.reset_index(
        drop=True
    )
    assert (part["session"].min(), part["session"].max()) == (date(2005, 3, 1), date(2005, 6, 30))
    same = whole[whole["session"].isin(part["session"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, same, check_exact=True)


def test_a_volatility_index_is_no_target(filled):
    universe = UNIVERSE.model_copy(update={"target": UNIVERSE.iv})
    with pytest.raises(ConfigError, match="a volatility index of the universe"):
        evaluate(filled, universe, FIRST, LAST)


def test_a_span_without_rows_is_not_found(filled):
    with pytest.raises(NotFound, match="no row of SYN from 1990"):
        evaluate(filled, UNIVERSE, date(1990, 1, 1), date(1991, 1, 1))
