"""Labels, re-derived by plain loops."""

import math
from datetime import date

import pandas as pd
import pytest

from tests.markets import UNIVERSE, curated, fill
from volcast.core import calendar
from volcast.features.catalog import names
from volcast.features.labels import realized
from volcast.features.point_in_time import labelled
from volcast.store.tables import LABELS_DAILY


@pytest.fixture(scope="module")
def rows():
    return curated(2)


@pytest.fixture(scope="module")
def own(rows):
    return rows[rows["symbol"] == UNIVERSE.target].sort_values("session").reset_index(drop=True)


def test_a_label_is_the_root_of_the_annualised_mean_square_of_five_returns(rows, own):
    computed = realized(rows, UNIVERSE)
    assert set(computed["symbol"]) == {UNIVERSE.target, UNIVERSE.bond, UNIVERSE.credit}
    closes = calendar.closes(list(computed["label_end_session"]))
    assert (closes == computed["event_timestamp"].to_numpy()).all()
    labels = computed.set_index(["symbol", "session"])
    for t in (0, 99, 300):
        squares = [
            math.log(own["close"][i] / own["close"][i - 1] * own["adjustment"][i]) ** 2
            for i in range(t + 1, t + 6)
        ]
        label = labels.loc[(UNIVERSE.target, own["session"][t])]
        assert label["rv_5d"] == pytest.approx(math.sqrt(252 / 5 * sum(squares)), rel=1e-12)
        assert label["label_end_session"] == own["session"][t + 5]


def test_windows_over_a_hole_or_the_end_have_no_label(own):
    assert set(realized(own, UNIVERSE)["session"]) == set(own["session"][:-5])
    labelled = set(realized(own.drop(index=100), UNIVERSE)["session"])
    # The return of the hole and the one that reaches back over it are both unknown.
    assert set(own["session"][:-5]) - labelled == {own["session"][i] for i in range(95, 101)}


def test_written_labels_read_back_as_computed(store, rows):
    last = fill(store, 2)
    stored = store.read(LABELS_DAILY, symbols=[UNIVERSE.target])
    assert stored.column("label_end_session")[-1].as_py() == last
    assert len(stored) == len(rows[rows["symbol"] == UNIVERSE.target]) - 5


def test_a_label_that_had_not_ended_is_no_training_row() -> None:
    days = calendar.sessions(date(2024, 1, 2), date(2024, 1, 31))
    labels = pd.DataFrame({"session": days, "rv_5d": 0.1})
    labels["label_end_session"] = [calendar.after(day, calendar.HORIZON) for day in days]
    features = labels[["session"]].assign(symbol="SPY", **dict.fromkeys(names(), 0.0))
    joined = labelled(features, labels, days[9])
    assert len(joined) == 10
    assert joined["rv_5d"].notna().tolist() == [True] * 5 + [False] * 5
