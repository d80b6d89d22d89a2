"""Ablation: a column that knows helps, noise does not, and nulls cost no rows."""

import numpy as np
import pandas as pd
import pytest

from tests.markets import labelled_rows
from volcast.evaluation.ablation import REMOVED, ablate, with_group, without
from volcast.evaluation.rows import scored
from volcast.evaluation.table import losses
from volcast.evaluation.walkforward import walk_forward
from volcast.features.catalog import names
from volcast.models.recipe import RECIPES


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return labelled_rows(6)


@pytest.fixture(scope="module")
def walked(rows) -> pd.DataFrame:
    return walk_forward(rows, 7).rows


@pytest.fixture(scope="module")
def planted(rows) -> pd.DataFrame:
    """Macro columns of which one nearly knows the outcome; regime columns of noise."""
    rng = np.random.default_rng(1)
    noise = {name: rng.normal(size=len(rows)) for name in names("macro", "regime")}
    outcome = np.log(rows["rv_5d"].astype(float)).fillna(-2)
    knows = (outcome - rows["iv"] / 2 + rng.normal(0, 0.1, len(rows))).where(rows.index > 500)
    return rows.assign(**noise | {"term_spread": knows})


@pytest.fixture(scope="module")
def ablations(planted, walked) -> dict:
    return {one.group: one for one in ablate(planted, walked, 7) if one.period == "all"}


def test_a_column_that_knows_the_outcome_helps_and_noise_does_not(ablations):
    macro, noise = ablations["macroeconomic series"], ablations["market regimes"]
    assert macro.kind == "added"
    assert macro.gain > 0.3
    assert macro.p_better < 0.001
    assert macro.gain == pytest.approx(1 - macro.with_group / macro.without)
    assert noise.gain < 0.02
    assert noise.p_better > 0.01


def test_what_is_taken_out_is_compared_with_the_recipe_that_has_it(ablations, walked, planted):
    one = ablations["scaled returns"]
    assert one.kind == "removed"
    other = walk_forward(planted, 7, recipes=without(REMOVED["scaled returns"])).rows
    means = (losses(scored(rows), "forecast").mean() for rows in (walked, other))
    assert (one.with_group, one.without) == pytest.approx(tuple(means))


def test_groups_without_a_value_are_left_out(rows, walked):
    counted: list[str] = []
    measured = ablate(rows, walked, 7, progress=lambda what, *_: counted.append(what))
    groups = ["other symbols", *REMOVED]
    assert {one.group for one in measured} == set(groups)
    whats = dict.fromkeys(counted)
    assert [what.rpartition(" ")[2] for what in whats] == ["trees", "months"] * len(groups)
    assert all(group in what for group, what in zip(groups, list(whats)[::2], strict=True))


def test_columns_that_begin_late_or_never_cost_no_row(rows, walked):
    index = rows.index.to_series()
    late = rows.assign(term_spread=index.astype(float).where(index > 1200))
    other = walk_forward(late, 7, recipes=with_group("macro")).rows
    assert other["forecast"].notna().equals(walked["forecast"].notna())


def test_the_recipes_themselves_are_left_as_they_are():
    before = repr(RECIPES)
    altered = with_group("regime")["blend-iv"]
    assert set(names("regime")) <= set(altered.features)
    assert not set(names("regime")) & set(altered.required)
    fewer = set(without(["iv_change_1"])["blend-iv"].features)
    assert set(RECIPES["blend-iv"].features) - fewer == {"iv_change_1"}
    assert repr(RECIPES) == before
