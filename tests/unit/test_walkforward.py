"""Walk-forward: nothing known later may move a forecast."""

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from tests.markets import labelled_rows
from volcast.core.errors import ContractError
from volcast.core.names import BASELINES
from volcast.evaluation.rows import EVALUATION_COLUMNS, rows_hash
from volcast.evaluation.statistics import diebold_mariano
from volcast.evaluation.table import compare, losses
from volcast.evaluation.walkforward import walk_forward
from volcast.features.catalog import names


@pytest.fixture(scope="module")
def rows():
    return labelled_rows(7)


@pytest.fixture(scope="module")
def walked(rows):
    return walk_forward(rows, seed=7)


def test_forecasts_begin_when_three_years_of_training_rows_are_known(rows, walked):
    assert tuple(walked.rows.columns) == EVALUATION_COLUMNS
    assert walked.rows["session"].tolist() == rows["session"].tolist()
    first = walked.rows["forecast"].first_valid_index()
    known = rows["g252"].notna() & (rows["label_end_session"] < rows["session"][first])
    assert known.sum() >= 756
    month_before = rows["session"][first - 1].replace(day=1)
    assert (rows["g252"].notna() & (rows["label_end_session"] < month_before)).sum() < 756


def test_scrambled_later_rows_and_labels_change_no_earlier_forecast(rows, walked):
    cut = len(rows) - 300
    torn = rows.copy()
    rng = np.random.default_rng(1)
    torn.loc[cut:, names()] *= rng.uniform(0.5, 1.5, (len(rows) - cut, 1))
    ends_later = torn["label_end_session"].fillna(torn["session"].max()) >= torn["session"][cut]
    torn.loc[ends_later, "rv_5d"] = rng.uniform(0.05, 0.9, ends_later.sum())
    again = walk_forward(torn, seed=7).rows
    before, after = (frame.loc[: cut - 1].drop(columns="rv_5d") for frame in (walked.rows, again))
    pd.testing.assert_frame_equal(after, before, check_exact=True)
    assert (again.loc[cut:, "forecast"] != walked.rows.loc[cut:, "forecast"]).all()


def test_a_shorter_history_gives_the_same_forecasts(rows, walked):
    cut = len(rows) - 150
    again = walk_forward(rows.iloc[:cut], seed=7).rows.drop(columns="rv_5d")
    before = walked.rows.iloc[:cut].drop(columns="rv_5d")
    pd.testing.assert_frame_equal(again, before, check_exact=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_no_forecast(rows, walked, threads):
    with threadpool_limits(threads):
        again = walk_forward(rows, seed=7).rows
    pd.testing.assert_frame_equal(again, walked.rows, check_exact=True)


def test_the_forecast_beats_the_random_walk_on_a_market_with_volatility_to_forecast(walked):
    table = compare(walked.rows)
    assert table.line("random_walk").gain > 0.3
    assert table.line("random_walk").p_better < 0.001
    assert [line.name for line in table.lines] == ["volcast", *BASELINES]


def test_the_table_scores_equal_rows_by_their_plain_means(walked):
    table = compare(walked.rows)
    scored = walked.rows.dropna(subset=["forecast", "rv_5d"])
    ratios = [(v / f) ** 2 for v, f in zip(scored["rv_5d"], scored["har_rv"], strict=True)]
    plain = sum(q - np.log(q) - 1 for q in ratios) / len(ratios)
    har = table.line("har_rv")
    assert har.qlike == pytest.approx(plain)
    assert har.gain == pytest.approx(1 - table.line("volcast").qlike / plain)
    assert har.p_better == diebold_mariano(losses(scored, "forecast"), losses(scored, "har_rv"))
    assert table.rows == len(scored)
    assert table.rows_hash == rows_hash(scored)
    assert rows_hash(scored) != rows_hash(scored.iloc[1:])


def test_too_short_a_history_is_refused_with_what_is_needed(rows):
    with pytest.raises(ContractError, match="at least 756 training rows"):
        walk_forward(rows.iloc[:900], seed=7)


def test_one_missing_outcome_does_not_stop_the_intervals_from_learning(rows, walked):
    torn = rows.copy()
    torn.loc[1200:1205, ["rv_5d", "label_end_session"]] = None
    again = walk_forward(torn, seed=7)
    assert len(again.calibration.residuals) == len(walked.calibration.residuals) - 6
    offsets = np.log(again.rows["hi80"] / again.rows["forecast"]).round(12)
    assert offsets.iloc[1300:].nunique() > 15
