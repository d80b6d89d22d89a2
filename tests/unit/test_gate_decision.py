"""The gate's decision on losses: how it is computed, and how often it errs."""

import numpy as np
import pytest

from tests.gate_trials import KINDS, Floats, losses, promoted, rejected
from tests.markets import as_curated, labelled_market
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.data.sources import SampleSource
from volcast.evaluation.walkforward import walk_forward
from volcast.training.gate import MIN_ROWS_NEW_RECIPE, challenge

pytestmark = pytest.mark.xdist_group("gate_decision")


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


def test_the_test_holds_its_level_on_unrelated_losses(pair):
    assert 0.035 < rejected("unrelated", pair, 756, count=2000) < 0.065


def test_three_years_would_let_more_than_5_percent_without_merit_pass(pair):
    assert promoted("better model", pair, 756) > 0.05
