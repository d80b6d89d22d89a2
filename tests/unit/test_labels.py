"""Labels, re-derived by plain loops."""

import math

import pytest

from tests.markets import UNIVERSE, curated, fill
from volcast.core import calendar
from volcast.features.labels import realized
from volcast.store.tables import LABELS_DAILY


@pytest.fixture(scope="module")
def rows():
    return curated(2)


@pytest.fixture(scope="module")
def own(rows):
    return rows[rows["symbol"] == UNIVERSE.target].sort_values("session").reset_index(drop=True)


def test_a_label_is_the_root_of_the_annualised_mean_square_of_five_returns(rows, own):
    labels = realized(rows, UNIVERSE).set_index(["symbol", "session"])
    for t in (0, 99, 300):
        squares = [
            math.log(own["close"][i] / own["close"][i - 1] * own["adjustment"][i]) ** 2
            for i in range(t + 1, t + 6)
        ]
        label = labels.loc[(UNIVERSE.target, own["session"][t])]
        assert label["rv_5d"] == pytest.approx(math.sqrt(252 / 5 * sum(squares)), rel=1e-12)
        assert label["label_end_session"] == own["session"][t + 5]


def test_a_label_is_known_at_the_close_of_its_last_session(rows):
    labels = realized(rows, UNIVERSE)
    closes = calendar.closes(list(labels["label_end_session"]))
    assert (closes == labels["event_timestamp"].to_numpy()).all()


def test_the_last_five_sessions_have_no_label(rows, own):
    labelled = set(realized(own, UNIVERSE)["session"])
    assert labelled == set(own["session"][:-5])


def test_a_hole_leaves_the_windows_over_it_without_a_label(own):
    labelled = set(realized(own.drop(index=100), UNIVERSE)["session"])
    # The return of the hole and the one that reaches back over it are both unknown.
    assert set(own["session"][:-5]) - labelled == {own["session"][i] for i in range(95, 101)}


def test_implied_volatility_indices_get_no_label(rows):
    assert set(realized(rows, UNIVERSE)["symbol"]) == {
        UNIVERSE.target, UNIVERSE.bond, UNIVERSE.credit,
    }  # fmt: skip


def test_written_labels_read_back_as_computed(store, rows):
    last = fill(store, 2)
    stored = store.read(LABELS_DAILY, symbols=[UNIVERSE.target])
    assert stored.column("label_end_session")[-1].as_py() == last
    assert len(stored) == len(rows[rows["symbol"] == UNIVERSE.target]) - 5
