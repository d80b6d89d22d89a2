"""Turbulent weeks: forecast from labels that had ended, and scored on the same sessions."""

import math

import numpy as np
import pandas as pd
import pytest

from tests.markets import labelled_rows, with_regimes
from volcast.evaluation.regime_skill import regime_skill, turbulent_weeks


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return with_regimes(labelled_rows(7))


@pytest.fixture(scope="module")
def weeks(rows) -> pd.DataFrame:
    return turbulent_weeks(rows, rows["rv_22"])


def test_an_event_is_the_top_fifth_of_labels_that_had_ended_by_the_quarter(rows, weeks):
    quarters = pd.PeriodIndex(pd.to_datetime(rows["session"]), freq="Q")
    block = np.flatnonzero(quarters == quarters[1500])
    start = rows["session"].iloc[block[0]]
    ended = sorted(
        value
        for value, end in zip(rows["rv_5d"], rows["label_end_session"], strict=True)
        if not pd.isna(end) and end < start
    )
    place = 0.8 * (len(ended) - 1)
    low = int(place)
    bound = ended[low] + (place - low) * (ended[low + 1] - ended[low])
    expected = [float(value > bound) for value in rows["rv_5d"].iloc[block]]
    assert weeks["event"].iloc[block].tolist() == expected


def test_later_rows_change_no_earlier_probability(rows, weeks):
    rng, cut = np.random.default_rng(2), 1500
    torn = rows.copy()
    columns = ["rv_5d", "iv", "gmm_normal", "hmm_stressed"]
    torn.loc[cut:, columns] = torn.loc[cut:, columns].to_numpy()[rng.permutation(len(rows) - cut)]
    again = turbulent_weeks(torn, rows["rv_22"])
    start = pd.to_datetime(rows["session"]).dt.to_period("Q").eq("2005Q4").idxmax()
    assert start < cut
    pd.testing.assert_frame_equal(again.iloc[:start], weeks.iloc[:start], check_exact=True)


def test_brier_and_auc_match_pairs_and_regimes_have_skill(weeks):
    names = list(weeks.columns[2:])
    scored = weeks[weeks[["event", *names]].notna().all(axis=1)]
    skill = {one.name: one for one in regime_skill(weeks) if one.period == "all"}
    assert {one.rows for one in skill.values()} == {len(scored)}
    hits, misses = (scored[scored["event"] == kind]["VIX alone"] for kind in (1, 0))
    brier = sum((p - e) ** 2 for p, e in zip(scored["VIX alone"], scored["event"], strict=True))
    assert skill["VIX alone"].brier == pytest.approx(brier / len(scored))
    pairs = sum((hit > misses).sum() + 0.5 * (hit == misses).sum() for hit in hits)
    assert skill["VIX alone"].auc == pytest.approx(pairs / (len(hits) * len(misses)))
    share = scored["event"].mean()
    assert skill["their share, always"].brier == pytest.approx(share * (1 - share))
    assert skill["their share, always"].auc == 0.5
    assert skill["hidden Markov model"].auc > 0.5
    assert math.isfinite(skill["volcast"].brier)


def test_without_implied_volatility_only_its_line_is_absent(rows):
    skill = regime_skill(turbulent_weeks(rows.assign(iv=np.nan)))
    assert {one.name for one in skill} == {
        "their share, always", "Gaussian mixture", "hidden Markov model",
    }  # fmt: skip
