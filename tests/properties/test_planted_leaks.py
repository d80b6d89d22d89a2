"""Leaks that flatter a forecast, each planted, and each caught."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tests.markets import UNIVERSE, curated, labelled_rows, with_yearly
from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.evaluation import folds as module
from volcast.evaluation.folds import folds, known_before, narrowed, refuse_leaks
from volcast.evaluation.walkforward import walk_forward
from volcast.features.labels import realized
from volcast.features.market import compute
from volcast.features.point_in_time import labelled

YEARS = 5


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return narrowed(labelled_rows(YEARS))


def test_the_folds_of_the_walk_forward_pass_the_guard(rows):
    cut = folds(rows)
    refuse_leaks(rows, cut)
    starts = [rows["session"].iloc[fold.first] for fold in cut]
    for fold, start in zip(cut, starts, strict=True):
        assert rows["label_end_session"].iloc[fold.known_at].max().date() < start
        assert len(fold.training_at) > 700


def test_shuffled_folds_are_refused(rows):
    rng = np.random.default_rng(1)
    labels = np.flatnonzero(rows["label_end_session"].notna())
    group = rng.integers(0, 10, len(rows))
    shuffled = [
        replace(fold, training_at=labels[group[labels] != group[fold.first]])
        for fold in folds(rows)
    ]
    with pytest.raises(ContractError, match="labels that had ended before the fold"):
        refuse_leaks(rows, shuffled)


def unpurged(frame: pd.DataFrame, before: date) -> "np.ndarray":
    ended = frame["label_end_session"].notna() & (frame["session"] < before)
    return np.flatnonzero(ended)


def a_session_short(frame: pd.DataFrame, before: date) -> "np.ndarray":
    return known_before(frame, calendar.after(before, 1))


@pytest.mark.parametrize("wrong", [unpurged, a_session_short])
def test_a_purge_that_is_missing_or_a_session_short_is_refused(rows, monkeypatch, wrong):
    monkeypatch.setattr(module, "known_before", wrong)
    with pytest.raises(ContractError, match="whose label ends on"):
        walk_forward(rows, seed=7)


def test_a_row_of_the_fold_itself_is_refused_whatever_its_label_is(rows):
    fold = folds(rows)[0]
    torn = rows.copy()
    torn.loc[fold.first, "label_end_session"] = pd.Timestamp(rows["session"].iloc[0])
    own = replace(fold, training_at=np.append(fold.training_at, fold.first))
    with pytest.raises(ContractError, match="fitted on the session"):
        refuse_leaks(torn, [own])


def forecasts(market: pd.DataFrame, leaky: bool) -> pd.Series:
    features = with_yearly(compute(market, UNIVERSE))
    if leaky:
        shifted = features.groupby("symbol")["g5_less_iv"].shift(-1)
        features["g5_less_iv"] = shifted.fillna(features["g5_less_iv"])
    labels = realized(market, UNIVERSE)
    own = (frame[frame["symbol"] == UNIVERSE.target] for frame in (features, labels))
    rows = labelled(*own, market["session"].max())
    return walk_forward(rows, seed=7).rows.set_index("session")["forecast"]


@pytest.mark.parametrize("leaky", [False, True])
def test_a_feature_of_the_next_session_is_caught_by_its_effect_on_the_forecast(leaky):
    market = curated(YEARS)
    sessions = sorted(set(market["session"]))
    cut = sessions[-20]
    whole = forecasts(market, leaky)
    ended = forecasts(market[market["session"] <= cut], leaky)
    same = np.isclose(ended, whole[: len(ended)], rtol=1e-12, equal_nan=True)
    assert same.all() != leaky
    assert same[:-1].all()
