"""Features, each re-derived by plain loops over single numbers."""

import itertools
import math
import statistics
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tests.markets import UNIVERSE, curated
from volcast.data.checks.prints import wide
from volcast.features.catalog import market_names, names
from volcast.features.labels import realized
from volcast.features.market import compute, range_variance

DAY = 900


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return curated(4)


@pytest.fixture(scope="module")
def target(rows) -> pd.DataFrame:
    features = compute(rows, UNIVERSE)
    return features[features["symbol"] == UNIVERSE.target].reset_index(drop=True)


def series(rows, symbol):
    own = rows[rows["symbol"] == symbol].sort_values("session")
    prices = own[["open", "high", "low", "close", "adjustment"]].to_numpy().tolist()
    r, g = [math.nan], [math.nan]
    for (_, _, _, before, _), (o, h, lo, c, a) in itertools.pairwise(prices):
        r.append(math.log(c / before * a))
        overnight = math.log(o / before * a) ** 2
        body = (2 * math.log(2) - 1) * math.log(c / o) ** 2
        g.append(252 * (overnight + 0.5 * math.log(h / lo) ** 2 - body))
    return r, g, [p[3] for p in prices]


def expected(rows):
    r, g, _ = series(rows, UNIVERSE.target)
    vix = [x / 100 for x in series(rows, UNIVERSE.iv)[2]]
    term = [x / 100 for x in series(rows, UNIVERSE.iv_3m)[2]]
    nine = series(rows, UNIVERSE.iv_9d)[2]
    nine = [math.nan] * (len(vix) - len(nine)) + nine  # it begins later
    iv = [math.log(x * x) for x in vix]
    t = DAY
    mean = {n: statistics.fmean(g[t - n + 1 : t + 1]) for n in (1, 5, 22, 66, 252)}
    sd = statistics.stdev(r[t - 21 : t + 1])
    rv2 = {n: 252 * statistics.fmean(x * x for x in r[t - n + 1 : t + 1]) for n in (1, 5, 10, 22)}
    level = [0.0]
    for x in r[1:]:
        level.append(level[-1] + x)
    ewma = 252 * r[1] ** 2
    for x in r[2 : t + 1]:
        ewma = 0.94 * ewma + 0.06 * 252 * x * x
    values = {
        "iv": iv[t],
        "r5_less_iv": math.log(rv2[5]) - iv[t],
        "iv_change_1": iv[t] - iv[t - 1],
        "iv_change_5": iv[t] - iv[t - 5],
        "iv_less_mean22": iv[t] - statistics.fmean(iv[t - 21 : t + 1]),
        "iv_less_min252": iv[t] - min(iv[t - 251 : t + 1]),
        "g252": math.log(mean[252]),
        "r5_less_g252": math.log(rv2[5] / mean[252]),
        "ret_1_scaled": r[t] / sd,
        "ret_5_scaled": sum(r[t - 4 : t + 1]) / (sd * 5**0.5),
        "ret_22_scaled": sum(r[t - 21 : t + 1]) / (sd * 22**0.5),
        "drawdown_66": level[t] - max(level[t - 65 : t + 1]),
        "drawdown_252": level[t] - max(level[t - 251 : t + 1]),
        "max_move_22": math.log(max(map(abs, r[t - 21 : t + 1])) / sd),
        "g_sd_22": statistics.stdev(map(math.log, g[t - 21 : t + 1])),
        "ret_1": r[t],
        "ret_5": sum(r[t - 4 : t + 1]),
        "ret_22": sum(r[t - 21 : t + 1]),
        "ewma94": ewma**0.5,
        "vix": vix[t],
        "vix_change_1": vix[t] - vix[t - 1],
        "vix_change_5": vix[t] - vix[t - 5],
        "vix3m_slope": math.log(term[t] / vix[t]),
        "iv_9d_less_iv": 2 * math.log(nine[t] / (100 * vix[t])),
    }
    values |= {f"rv_{n}": rv2[n] ** 0.5 for n in rv2}
    values |= {f"g{n}_less_iv": math.log(mean[n]) - iv[t] for n in (1, 5, 22, 66)}
    values |= {f"g{n}_less_g252": math.log(mean[n] / mean[252]) for n in (1, 5, 22, 66)}
    for role, symbol in (("bond", UNIVERSE.bond), ("credit", UNIVERSE.credit)):
        other, _, _ = series(rows, symbol)
        values |= {f"{role}_ret_{n}": sum(other[t - n + 1 : t + 1]) for n in (1, 5, 22)}
        squares = [x * x for x in other[t - 21 : t + 1]]
        values[f"{role}_rv_22"] = (252 * statistics.fmean(squares)) ** 0.5
        window = slice(t - 65, t + 1)
        values[f"{role}_corr_66"] = statistics.correlation(r[window], other[window])
    return values


def test_every_feature_equals_its_formula_in_plain_arithmetic(rows, target):
    derived = expected(rows)
    assert sorted(derived) == sorted(market_names())
    half_day = target[target["session"] == date(2003, 11, 28)]
    assert half_day["event_timestamp"].item() == pd.Timestamp("2003-11-28 18:00", tz="UTC")
    computed = target.loc[DAY, market_names()].to_dict()
    # Running sums of pandas against fresh sums: a few last digits.
    assert computed == pytest.approx(derived, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(
    ("symbols", "null", "full"),
    [
        ([UNIVERSE.target, UNIVERSE.iv], ["cross"], ["iv", "range", "common"]),
        ([UNIVERSE.target], ["iv", "cross"], ["range", "common"]),
    ],
)
def test_absent_symbols_give_null_features_and_no_failure(rows, symbols, null, full):
    features = compute(rows[rows["symbol"].isin(symbols)], UNIVERSE)
    assert features[names(*null)].isna().all(axis=None)
    assert features["iv_symbol"].isna().all() == (UNIVERSE.iv not in symbols)
    assert features[names(*full)].iloc[300:].notna().all(axis=None)


def test_one_missing_row_blanks_no_later_session(rows):
    target = rows["symbol"] == UNIVERSE.target
    hole = rows[target].iloc[800]["session"]
    features = compute(rows[~(target & (rows["session"] == hole))], UNIVERSE)
    later = features[(features["symbol"] == UNIVERSE.target) & (features["session"] > hole)]
    assert later[market_names()].notna().all(axis=None)
    assert hole not in set(features.loc[features["symbol"] == UNIVERSE.target, "session"])


def test_a_missing_implied_print_is_carried_five_sessions_and_no_more(rows):
    implied = rows["symbol"] == UNIVERSE.iv
    days = sorted(rows.loc[implied, "session"])
    cut = rows[~(implied & (rows["session"] > days[700]))]
    own = compute(cut, UNIVERSE).query("symbol == @UNIVERSE.target").set_index("session")
    assert own.loc[days[705], "iv"] == own.loc[days[700], "iv"]
    assert math.isnan(own.loc[days[706], "iv"])


def test_equal_prices_all_session_take_the_floor_and_not_the_log_of_zero(rows):
    flat = rows.copy()
    own = flat[(flat["symbol"] == UNIVERSE.target)].index[500:502]
    before = flat.loc[own[0], "close"]
    flat.loc[own, ["open", "high", "low", "close"]] = before
    features = compute(flat, UNIVERSE)
    row = features[features["symbol"] == UNIVERSE.target].iloc[501]
    assert row["g1_less_g252"] + row["g252"] == pytest.approx(math.log(1e-5))
    assert np.isfinite(row[names("range", "common")].astype(float)).all()


def test_symbols_do_not_touch_each_other(rows, target):
    pair = rows[rows["symbol"].isin([UNIVERSE.target, UNIVERSE.iv])]
    alone = compute(pair, UNIVERSE).query("symbol == @UNIVERSE.target").reset_index(drop=True)
    own = names("iv", "range", "common", "classical")
    pd.testing.assert_frame_equal(alone[own], target[own], check_exact=True)


def variance_of(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the target's range variance by number of the session."""
    prices = wide(rows[rows["symbol"] == UNIVERSE.target])
    variance = range_variance(*(prices[f] for f in ("open", "high", "low", "close", "adjustment")))
    return variance[UNIVERSE.target].reset_index(drop=True)


@pytest.mark.parametrize(("name", "factor"), [("open", 0.7), ("low", 0.7), ("high", 1.4)])
@pytest.mark.parametrize("at", [30, 300, 640])
def test_a_price_that_reverts_counts_as_a_usual_session(rows, name, factor, at):
    own, changed = rows.index[rows["symbol"] == UNIVERSE.target], rows.copy()
    for place in (own[at], own[at + 3]):
        changed.loc[place, name] *= factor
        changed.loc[place, "low"] = changed.loc[place, ["open", "low"]].min()
    sound, capped = variance_of(rows), variance_of(changed)
    returns, _, _ = series(changed, UNIVERSE.target)
    for place in (at, at + 3):
        usual = statistics.fmean(g for i, g in sound[place - 22 : place].items() if i != at)
        assert capped[place] == pytest.approx(max(usual, 252 * returns[place] ** 2))
    others = capped.index.difference([at, at + 3])
    assert capped[others].equals(sound[others])
    pd.testing.assert_frame_equal(realized(changed, UNIVERSE), realized(rows, UNIVERSE))


@pytest.mark.parametrize("changes", [{}, {"low": 0.8}, {"open": 1.25, "high": 1.25}])
def test_the_range_of_a_crash_that_stays_counts_in_full(rows, changes):
    own, fallen = rows.index[rows["symbol"] == UNIVERSE.target], rows.copy()
    fallen.loc[own[640:], ["open", "high", "low", "close"]] *= 0.85
    for name, factor in changes.items():
        fallen.loc[own[640], name] *= factor
    _, plain, _ = series(fallen, UNIVERSE.target)
    assert variance_of(fallen)[640] == pytest.approx(plain[640])
