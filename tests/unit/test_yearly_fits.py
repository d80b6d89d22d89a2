"""The weight of events and the 9-day surprise: re-derived, and without a look ahead."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tests.markets import UNIVERSE, fill, labelled_rows, restate
from volcast.core import calendar
from volcast.features import events, yearly_fits
from volcast.features.build import build
from volcast.features.catalog import names
from volcast.features.point_in_time import features_at_close
from volcast.features.yearly_fits import event_weight, iv_9d_surprise, yearly_features

EVENT, SURPRISE = "event_weight", "iv_9d_surprise"


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return labelled_rows(8)


def solved(a: list[list[float]], b: list[float]) -> list[float]:
    """Solve linear equations by Gaussian elimination."""
    rows = [[*line, value] for line, value in zip(a, b, strict=True)]
    for i in range(len(rows)):
        top = max(range(i, len(rows)), key=lambda r: abs(rows[r][i]))
        rows[i], rows[top] = rows[top], rows[i]
        for r in range(len(rows)):
            if r != i and rows[r][i]:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[i], strict=True)]
    return [rows[i][-1] / rows[i][i] for i in range(len(rows))]


def regression(x: list[list[float]], y: list[float], ridge: list[float]) -> list[float]:
    size = len(ridge)
    gram = [[sum(r[i] * r[j] for r in x) for j in range(size)] for i in range(size)]
    for i in range(size):
        gram[i][i] += ridge[i]
    return solved(gram, [sum(r[i] * v for r, v in zip(x, y, strict=True)) for i in range(size)])


def test_the_weight_equals_its_formula_in_plain_arithmetic(rows):
    flags = events.event_flags()
    logs = [
        [row[f"g{n}_less_g252"] + row["g252"] for n in (1, 5, 22)]
        + [row["iv"], row["ret_1_scaled"]]
        for row in rows.to_dict("records")
    ]
    sessions = list(rows["session"])
    first, raw = [s.year for s in sessions], {}
    for year in (2004, 2005, 2006, 2007):
        past = [
            t
            for t in range(1, len(rows))
            if first[t] < year and not any(map(math.isnan, [*logs[t - 1], logs[t][0]]))
        ]
        x = [[1.0, *logs[t - 1], *flags.loc[pd.Timestamp(sessions[t])]] for t in past]
        slopes = regression(x, [logs[t][0] for t in past], [0.0] * 6 + [20.0] * flags.shape[1])[6:]

        def weight(day: date, slopes=slopes) -> float:
            return math.exp(sum(map(math.prod, zip(flags.loc[day], slopes, strict=True))))

        mean = sum(weight(pd.Timestamp(sessions[t])) for t in past) / len(past)
        for t in (t for t in range(len(rows)) if first[t] == year):
            later = flags.index[flags.index > pd.Timestamp(sessions[t])][:5]
            raw[t] = math.log(sum(map(weight, later)) / 5 / mean)
    computed = event_weight(rows)
    assert not computed[: min(raw)].any()
    for t in (min(raw), max(raw)):
        seen = [value for at, value in raw.items() if at <= t]
        expected = min(max(raw[t] - sum(seen) / len(seen), -0.6), 0.6)
        assert computed[t] == pytest.approx(expected, abs=1e-9)


def test_the_surprise_equals_its_formula_in_plain_arithmetic(rows):
    inputs = [
        "iv", "g1_less_iv", "g5_less_iv", "g22_less_iv", "iv_less_mean22", "iv_change_1",
        "iv_change_5", "ret_1_scaled", "ret_5_scaled",
    ]  # fmt: skip
    x = [[1.0, *line] for line in rows[inputs].to_numpy().tolist()]
    y = rows["iv_9d_less_iv"].tolist()
    t = len(rows) - 1
    past = [
        i
        for i in range(t)
        if rows["session"][i].year < rows["session"][t].year
        and not any(map(math.isnan, [*x[i], y[i]]))
    ]
    slopes = regression([x[i] for i in past], [y[i] for i in past], [0.0] * 10)
    expected = y[t] - sum(map(math.prod, zip(x[t], slopes, strict=True)))
    assert iv_9d_surprise(rows)[t] == pytest.approx(min(max(expected, -0.45), 0.45), abs=1e-8)


@pytest.mark.parametrize("feature", [EVENT, SURPRISE])
def test_scrambled_or_absent_later_rows_change_no_earlier_value(rows, feature):
    whole, rng = yearly_features(rows)[feature].to_numpy(), np.random.default_rng(3)
    numbers = rows.columns.difference(["symbol", "session", "label_end_session"])
    for cut in (1300, 1511, 1700):
        torn = rows.copy()
        torn.loc[cut:, numbers] = rng.normal(0, 1, (len(rows) - cut, len(numbers)))
        for other in (torn, rows.iloc[:cut]):
            part = yearly_features(other)[feature].to_numpy()
            np.testing.assert_array_equal(part[:cut], whole[:cut])
    assert np.count_nonzero(whole) > 500


def test_rows_without_implied_volatility_have_weights_of_their_own_range(rows):
    without = rows.assign(iv=np.nan, iv_9d_less_iv=np.nan)
    assert np.count_nonzero(event_weight(without)) > 500
    assert not iv_9d_surprise(without).any()


@pytest.mark.parametrize("gone", [1, 7, 250])
def test_a_missing_print_of_the_9_day_index_is_no_surprise(rows, gone):
    last = slice(len(rows) - gone, None)
    torn = rows.copy()
    torn.loc[torn.index[last], "iv_9d_less_iv"] = np.nan
    assert not iv_9d_surprise(torn)[last].any()
    np.testing.assert_array_equal(iv_9d_surprise(torn)[:-gone], iv_9d_surprise(rows)[:-gone])


def test_both_are_bounded_and_zero_before_their_first_fit(rows):
    values = yearly_features(rows)
    assert values[EVENT].abs().max() <= 0.6
    assert values[SURPRISE].abs().max() <= 0.45
    assert not values.loc[:755, EVENT].any()
    wild = rows.assign(iv_9d_less_iv=rows["iv_9d_less_iv"] * 100)
    assert np.abs(iv_9d_surprise(wild)).max() == 0.45


def test_past_the_end_of_the_list_the_weight_is_neutral(rows, monkeypatch):
    end = rows["session"].iloc[-100]
    monkeypatch.setattr(yearly_fits, "covered_until", lambda: end)
    weights = event_weight(rows)
    ends = [calendar.after(day, calendar.HORIZON) for day in rows["session"]]
    beyond = np.array([day > end for day in ends])
    assert not weights[beyond].any()
    assert np.count_nonzero(weights[~beyond]) > 500


def test_each_symbol_has_values_of_its_own(rows):
    other = rows.assign(symbol="OTHER", g1_less_g252=-rows["g1_less_g252"])
    both = yearly_features(pd.concat([other, rows], ignore_index=True))
    alone = yearly_features(rows)
    own = both[both["symbol"] == UNIVERSE.target]
    np.testing.assert_array_equal(own[names("event")], alone[names("event")])
    assert (both[EVENT].iloc[: len(rows)].to_numpy() != own[EVENT].to_numpy()).any()


def test_a_price_restated_later_changes_no_value_of_the_past(store):
    last = fill(store, 5)
    before = features_at_close(store, UNIVERSE.target, last)[names("event")]
    restate(store, -30, pd.Timestamp("2030-01-02", tz="UTC"), years=5)
    build(store, UNIVERSE, last)
    after = features_at_close(store, UNIVERSE.target, last)[names("event")]
    pd.testing.assert_frame_equal(before, after)
    assert np.count_nonzero(before[EVENT]) > 100


def test_prices_that_hardly_move_have_finite_weights(rows):
    still = {f"g{n}_less_g252": 0.0 for n in (1, 5, 22)}
    values = yearly_features(rows.assign(**still, g252=np.log(1e-5), iv=np.nan))
    assert np.isfinite(values[names("event")]).all(axis=None)
