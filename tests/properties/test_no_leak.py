"""No feature of a session may change when later rows change."""

import numpy as np
import pandas as pd
import pytest

from tests.markets import UNIVERSE, curated
from volcast.features.catalog import names
from volcast.features.labels import realized
from volcast.features.market import compute

DATES = 200
PRICES = ["open", "high", "low", "close", "adjustment"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Return a market in which every 40th high of each symbol is a wrong print."""
    market = curated(3)
    wrong = market.groupby("symbol").cumcount() % 40 == 39
    return market.assign(high=market["high"].mask(wrong, market["high"] * 1.5))


@pytest.fixture(scope="module")
def whole(rows) -> pd.DataFrame:
    return compute(rows, UNIVERSE)


def changed_at(cut, whole, session):
    """Return the features whose values up to ``session`` differ after ``cut`` replaced the rows."""
    again = compute(cut, UNIVERSE)
    columns = [name for name in names() if name in again]
    left = again.loc[again["session"] <= session, columns].to_numpy(dtype=float)
    right = whole.loc[whole["session"] <= session, columns].to_numpy(dtype=float)
    if left.shape != right.shape:
        return ["rows"]
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    return [name for name, fine in zip(columns, same.all(axis=0), strict=True) if not fine]


def chosen(rows):
    rng = np.random.default_rng(11)
    sessions = sorted(set(rows["session"]))
    return [sessions[i] for i in rng.choice(np.arange(5, len(sessions) - 5), DATES, replace=False)]


def scrambled(rows, session, rng):
    later = rows["session"] > session
    torn = rows.copy()
    torn.loc[later, PRICES] = rows.loc[later, PRICES].to_numpy()[rng.permutation(later.sum())]
    torn.loc[later, "close"] *= rng.uniform(0.5, 2.0, later.sum())
    return torn


def test_rows_scrambled_or_cut_after_a_session_change_no_feature_up_to_it(rows, whole):
    rng = np.random.default_rng(12)
    faults = {}
    for i, session in enumerate(chosen(rows)):
        cut = rows[rows["session"] <= session] if i % 2 else scrambled(rows, session, rng)
        faults[session] = changed_at(cut, whole, session)
    assert {session: names for session, names in faults.items() if names} == {}


def test_a_label_is_known_no_earlier_than_its_last_return(rows):
    labels = realized(rows, UNIVERSE)
    session = chosen(rows)[0]
    cut = realized(rows[rows["session"] <= session], UNIVERSE)
    assert (cut["label_end_session"] <= session).all()
    ended = labels[labels["label_end_session"] <= session].reset_index(drop=True)
    pd.testing.assert_frame_equal(cut, ended, check_exact=True)
