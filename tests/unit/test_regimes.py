"""Regimes: their states and probabilities, none of which looks ahead."""

import numpy as np
import pandas as pd
import pytest

from tests.markets import UNIVERSE, fill, labelled_rows, restate
from volcast.core.names import STATES
from volcast.features.build import build
from volcast.features.catalog import names
from volcast.features.point_in_time import features_at_close
from volcast.features.regimes import MIN_ROWS, filtered, regime_columns, regime_features

FIT = {
    "means": [-5.0, -4.0, -2.5],
    "variance": 0.5,
    "transitions": [[0.97, 0.02, 0.01], [0.03, 0.94, 0.03], [0.01, 0.06, 0.93]],
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return labelled_rows(7)


@pytest.fixture(scope="module")
def y() -> np.ndarray:
    return np.random.default_rng(4).normal(-4, 1, 300)


def of(rows, store) -> np.ndarray:
    return regime_features(rows.reset_index(drop=True), store, "SYN")[names("regime")].to_numpy()


def hmm_of(fit):
    from hmmlearn.hmm import GaussianHMM

    model = GaussianHMM(3, covariance_type="tied")
    chain = np.asarray(fit["transitions"])
    values, vectors = np.linalg.eig(chain.T)
    start = np.real(vectors[:, np.argmax(np.real(values))])
    model.startprob_, model.transmat_ = start / start.sum(), chain
    model.means_ = np.asarray(fit["means"])[:, None]
    model.covars_ = np.full((1, 1), fit["variance"])
    return model


def test_scrambled_or_absent_later_rows_change_no_earlier_probability(rows, store):
    whole, rng = of(rows, store), np.random.default_rng(6)
    for cut in (1100, 1203, 1311, 1412, 1500):
        torn = rows.copy()
        inputs = ["g1_less_g252", "g5_less_g252", "g252"]
        torn.loc[cut:, inputs] += rng.normal(0, 1, (len(rows) - cut, 3))
        for other in (torn, rows.iloc[:cut]):
            np.testing.assert_array_equal(of(other, store)[:cut], whole[:cut])


def test_the_filter_is_the_forward_recursion_written_out(y):
    chain = FIT["transitions"]
    belief = hmm_of(FIT).startprob_.tolist()
    for t, value in enumerate(y):
        if t:
            belief = [sum(belief[i] * chain[i][j] for i in range(3)) for j in range(3)]
        for j, mean in enumerate(FIT["means"]):
            belief[j] *= np.exp(-((value - mean) ** 2) / (2 * FIT["variance"]))
        belief = [part / sum(belief) for part in belief]
        assert filtered(y, FIT)[t] == pytest.approx(belief, abs=1e-12)


def test_at_the_last_session_filtered_and_smoothed_agree(y):
    for end in (1, 2, 50, 300):
        smoothed = hmm_of(FIT).predict_proba(y[:end, None])[-1]
        assert filtered(y[:end], FIT)[-1] == pytest.approx(smoothed, abs=1e-9)


def test_over_a_missing_day_the_chain_moves_on_without_a_probability(y):
    torn = y.copy()
    torn[100] = np.nan
    assert np.isnan(filtered(torn, FIT)[100]).all()
    before = filtered(torn, FIT)[99]
    moved = before @ np.asarray(FIT["transitions"]) @ np.asarray(FIT["transitions"])
    spread = (y[101] - np.asarray(FIT["means"])) ** 2 / FIT["variance"]
    weighed = moved * np.exp(-spread / 2)
    assert filtered(torn, FIT)[101] == pytest.approx(weighed / weighed.sum(), abs=1e-12)


@pytest.mark.parametrize("kind", ["gmm", "hmm"])
def test_states_are_ordered_by_variance_and_probabilities_add_up(rows, store, kind):
    regimes = regime_features(rows, store, "SYN")
    ready = regimes[[f"{kind}_{state}" for state in STATES]].dropna()
    assert ready.sum(axis=1).to_numpy() == pytest.approx(1.0)
    level = (rows["g5_less_g252"] + rows["g252"]).loc[ready.index]
    means = level.groupby(ready.to_numpy().argmax(axis=1)).mean()
    assert list(means.index) == [0, 1, 2]
    assert means.is_monotonic_increasing
    calmest = level.nsmallest(len(level) // 10).index
    assert ready.loc[calmest, f"{kind}_stressed"].max() < 0.05


def test_the_first_probability_comes_after_three_years(rows, store):
    calm = regime_features(rows, store, "SYN")["hmm_calm"]
    first = int(np.flatnonzero(calm.notna())[0])
    seen = rows["g252"].iloc[:first].notna().sum()
    assert seen >= MIN_ROWS
    assert rows["session"].iloc[first].year > rows["session"].iloc[first - 1].year
    last_year = [s for s in rows["session"] if s.year == rows["session"].iloc[first - 1].year]
    assert seen - len(last_year) < MIN_ROWS


def test_a_year_is_fitted_once(rows, store, monkeypatch):
    import volcast.features.regimes

    first = of(rows, store)
    cached = store.objects.get("fits/regimes/SYN.json")
    monkeypatch.setattr(volcast.features.regimes, "_fit", lambda *_: pytest.fail("fitted again"))
    np.testing.assert_array_equal(of(rows, store), first)
    assert store.objects.get("fits/regimes/SYN.json") == cached


def test_a_fit_whose_state_is_empty_leaves_the_one_before_in_force(rows, store, monkeypatch):
    import volcast.features.regimes

    sound = volcast.features.regimes._fit
    longest = []

    def collapsing(kind, sample):
        longest.append(len(sample))
        fit = sound(kind, sample)
        return fit if len(sample) == min(longest) else fit | {"means": [9.0] * 3, "sound": False}

    monkeypatch.setattr(volcast.features.regimes, "_fit", collapsing)
    calm = regime_features(rows, store, "SYN")["hmm_calm"].dropna()
    assert calm.between(0, 1).all()
    assert calm.std() > 0.1


def test_only_the_target_has_regimes_and_a_later_price_moves_none(store):
    last = fill(store, 5)
    assert features_at_close(store, UNIVERSE.bond, last)[names("regime")].isna().all(axis=None)
    before = features_at_close(store, UNIVERSE.target, last)
    assert before["hmm_calm"].notna().sum() > 200
    restate(store, 900, pd.Timestamp("2005-07-01", tz="UTC"), years=5)
    build(store, UNIVERSE, last)
    pd.testing.assert_frame_equal(features_at_close(store, UNIVERSE.target, last), before)


def test_the_label_is_the_most_probable_state_and_none_without_all_three():
    columns = regime_columns({"hmm_calm": 0.2, "hmm_normal": 0.7, "hmm_stressed": 0.1})
    assert columns == {"regime": "normal", "p_calm": 0.2, "p_normal": 0.7, "p_stressed": 0.1}
    assert set(regime_columns({"hmm_calm": 0.2, "hmm_normal": None}).values()) == {None}
    assert list(regime_columns({})) == ["regime", "p_calm", "p_normal", "p_stressed"]
