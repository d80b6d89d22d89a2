"""The gate's decision on losses: how it is computed, and how often it errs."""

from math import cos, pi, sqrt

import numpy as np
import pytest
from scipy.stats import t

from tests.gate_trials import KINDS, Floats, losses, promoted, rejected
from tests.markets import as_curated, labelled_market
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.data.sources import SampleSource
from volcast.evaluation.walkforward import walk_forward
from volcast.training.gate import MIN_ROWS_NEW_RECIPE, challenge
from volcast.training.gate.decision import gain, p_lower, worse

pytestmark = pytest.mark.xdist_group("gate_decision")


def test_the_p_value_is_that_of_a_t_on_the_slowest_cosines():
    rng = np.random.default_rng(4)
    ours, theirs = rng.gamma(2, 0.2, 300), rng.gamma(2, 0.21, 300)
    d, squares = ours - theirs, []
    for k in range(1, 25):
        wave = sum(value * cos(pi * k * (i + 0.5) / 300) for i, value in enumerate(d))
        squares.append((sqrt(2 / 300) * wave) ** 2)
    statistic = d.mean() / sqrt(sum(squares) / 24 / 300)
    assert p_lower(ours, theirs) == pytest.approx(t.cdf(statistic, 24), rel=1e-10)
    assert p_lower(theirs, ours) == pytest.approx(1 - p_lower(ours, theirs), rel=1e-10)


def test_equal_losses_are_evidence_of_nothing():
    equal = np.random.default_rng(4).gamma(2, 0.2, 300)
    assert (p_lower(equal, equal), gain(equal, equal)) == (0.5, 0.0)
    assert worse(equal, equal) == (False, 0.5)
    assert not challenge(equal, equal).passed


@pytest.mark.parametrize(("saved", "noise", "passes"), [
    (0.051, 0.0, True),
    (0.049, 0.0, False),
    (0.2, 0.1, True),
    (0.2, 4.0, False),
])  # fmt: skip
def test_a_challenge_takes_five_percent_and_a_difference_that_is_no_luck(saved, noise, passes):
    rng = np.random.default_rng(4)
    champions = rng.gamma(2, 0.2, 3000)
    ours = champions * (1 - saved) + noise * rng.standard_normal(3000)
    made = challenge(ours, champions)
    assert made.passed is passes
    assert made.gain == pytest.approx(1 - ours.sum() / champions.sum())


@pytest.fixture(scope="module")
def pair() -> tuple[Floats, Floats]:
    """Losses, session by session, of the forecast and of log-HAR on the sample."""
    market = as_curated(SampleSource().market(("SPX", "VIX"), None, None).rows)
    rows = walk_forward(labelled_market(market, SAMPLE_UNIVERSE), seed=7).rows
    return losses(rows, "log_har")


@pytest.mark.parametrize("kind", KINDS)
def test_of_500_challengers_without_merit_at_most_5_percent_are_promoted(pair, kind):
    assert promoted(kind, pair, MIN_ROWS_NEW_RECIPE) <= 0.05


@pytest.mark.parametrize("kind", ["better model", "worse model", "noise"])
def test_of_500_challengers_10_percent_better_at_least_80_percent_are_promoted(pair, kind):
    assert promoted(kind, pair, MIN_ROWS_NEW_RECIPE, gain=0.1) >= 0.8


def test_two_models_that_share_not_even_the_outcome_are_hardly_told_apart(pair):
    assert promoted("unrelated", pair, MIN_ROWS_NEW_RECIPE, gain=0.1) < 0.25


def test_the_gates_test_holds_its_level_where_ten_lags_and_a_normal_table_do_not(pair):
    lags, cosines = rejected("unrelated", pair, 756, count=2000)
    assert lags > 0.065
    assert 0.035 < cosines < 0.065


def test_three_years_would_let_more_than_5_percent_without_merit_pass(pair):
    assert promoted("better model", pair, 756) > 0.05
