"""The blend and its parts, against plain arithmetic."""

import numpy as np
import pytest
import shap

from tests.markets import labelled_rows
from volcast.core.errors import ContractError
from volcast.evaluation.folds import training_rows, usable
from volcast.models.baselines import fit_baselines
from volcast.models.blend import fit_blend, linear_data, tree_data
from volcast.models.gamma import fit_gamma
from volcast.models.intervals import Calibration
from volcast.models.recipe import RECIPES, choose
from volcast.models.trees import fit_trees


@pytest.fixture(scope="module")
def rows():
    joined = labelled_rows(6)
    known = training_rows(joined, joined["session"].max())
    return usable(usable(known, RECIPES["blend-iv"]), RECIPES["blend-range"])


@pytest.fixture(scope="module", params=sorted(RECIPES))
def blend(request, rows):
    return fit_blend(RECIPES[request.param], rows, seed=7)


def test_contributions_add_up_and_are_those_of_the_shap_package(blend, rows):
    recipe = blend.recipe
    whole = rows[list(recipe.features)].to_numpy(dtype=float)
    why = blend.shap_explanation(whole)
    total = why.base_values + why.values.sum(axis=1)
    # Tree SHAP is computed in float32.
    assert np.abs(total - blend.log_variance(whole)).max() < 1e-5
    x = rows[list(recipe.tree_features)].to_numpy(dtype=float)[::50]
    explainer = shap.TreeExplainer(blend.trees.booster)
    base, contributions = blend.trees.contributions(x)
    assert np.abs(explainer.shap_values(x) - contributions).max() < 1e-5
    expected = blend.trees.log_smearing + float(explainer.expected_value)
    assert base == pytest.approx(expected, abs=1e-5)


def test_one_and_two_threads_give_the_same_trees_right_on_average(rows):
    recipe = RECIPES["blend-iv"]
    x, log_ratio = tree_data(recipe, rows)
    one, two = (
        fit_trees(x, log_ratio, 7, recipe.tree_parameters | {"nthread": count}) for count in (1, 2)
    )
    assert np.abs(one.log_ratio(x) - two.log_ratio(x)).max() < 1e-6
    assert np.mean(np.exp(log_ratio - one.log_ratio(x))) == pytest.approx(1, rel=1e-6)
    assert one.log_smearing > 0.1


def test_the_same_rows_and_seed_give_the_same_model_bytes(rows):
    one, two = (fit_blend(RECIPES["blend-iv"], rows, seed=7) for _ in range(2))
    assert one.trees.booster.save_raw("ubj") == two.trees.booster.save_raw("ubj")
    assert one.linear.coefficients.tobytes() == two.linear.coefficients.tobytes()
    other = fit_blend(RECIPES["blend-iv"], rows, seed=8)
    assert other.trees.booster.save_raw("ubj") != one.trees.booster.save_raw("ubj")


def test_gamma_regression_finds_the_coefficients_that_made_the_data():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20_000, 2)) * [1, 3] + [5, 0]
    mean = np.exp(-3 + x @ np.array([0.5, -0.2]))
    fit = fit_gamma(x, mean * rng.chisquare(5, 20_000) / 5)
    assert fit.coefficients == pytest.approx([0.5, -0.2], abs=0.01)
    assert fit.intercept == pytest.approx(-3, abs=0.06)


def test_gamma_regression_is_right_on_average_without_smearing(rows):
    x, variance = linear_data(RECIPES["blend-iv"], rows)
    fit = fit_gamma(x, variance)
    assert np.mean(variance / np.exp(fit.log_variance(x))) == pytest.approx(1, abs=1e-8)


def test_gamma_regression_refuses_an_input_that_does_not_vary():
    with pytest.raises(ContractError, match=r"constant inputs at positions \[1\]"):
        fit_gamma(np.column_stack([np.arange(9.0), np.ones(9)]), np.ones(9))


def test_baselines_equal_normal_equations_solved_by_hand(rows):
    variance = rows["variance"].to_numpy()
    levels = np.column_stack([np.ones(len(rows)), rows[["rv_1", "rv_5", "rv_22"]] ** 2])
    beta = np.linalg.solve(levels.T @ levels, levels.T @ variance)
    logs = np.column_stack(
        [np.ones(len(rows)), *(rows[f"g{n}_less_g252"] + rows["g252"] for n in (1, 5, 22))]
    )
    gamma = np.linalg.solve(logs.T @ logs, logs.T @ np.log(variance))
    smear = np.mean(variance / np.exp(logs @ gamma))
    forecast = fit_baselines(rows).forecast(rows)
    assert forecast["har_rv"] ** 2 == pytest.approx(np.maximum(levels @ beta, variance.min()))
    assert forecast["log_har"] ** 2 == pytest.approx(smear * np.exp(logs @ gamma), rel=1e-6)


def test_plain_baselines_are_the_features_themselves(rows):
    forecast = fit_baselines(rows).forecast(rows)
    features = {"random_walk": "rv_5", "mean22": "rv_22", "ewma94": "ewma94", "vix": "vix"}
    for name, feature in features.items():
        assert forecast[name] == pytest.approx(rows[feature].to_numpy(dtype=float))


def test_har_x_is_absent_where_there_is_no_implied_volatility(rows):
    blind = rows.assign(vix=np.nan)
    forecast = fit_baselines(blind).forecast(blind)
    assert np.isnan(forecast["har_x"]).all()
    assert np.isfinite(forecast["log_har"]).all()


def test_the_recipe_needs_two_years_of_implied_volatility_that_still_goes_on(rows):
    iv = rows.columns.get_loc("iv")
    short, ended = rows.copy(), rows.copy()
    short.iloc[:-503, iv] = np.nan
    ended.iloc[-5:, iv] = np.nan
    assert choose(rows).name == "blend-iv"
    assert choose(rows.tail(504)).name == "blend-iv"
    assert choose(short).name == choose(ended).name == "blend-range"


def test_intervals_hold_their_share_when_the_spread_of_residuals_doubles():
    rng = np.random.default_rng(6)
    residuals = rng.normal(0, np.repeat([0.3, 0.6], 2500))
    calibration, inside = Calibration(), []
    for residual in residuals:
        offsets = calibration.offsets()
        if offsets:
            inside.append(offsets["lo80"] <= residual <= offsets["hi80"])
        calibration.learn(residual, offsets)
    assert np.mean(inside) == pytest.approx(0.8, abs=0.015)


def test_intervals_need_252_residuals():
    calibration = Calibration()
    for i in range(251):
        calibration.learn(i / 251, None)
    assert calibration.offsets() is None
    calibration.learn(1.0, None)
    assert calibration.offsets()["lo80"] == pytest.approx(0.1, abs=0.01)


def test_bounds_never_cross_however_the_residuals_fall():
    calibration = Calibration()
    rng = np.random.default_rng(8)
    for residual in [*rng.normal(0, 0.3, 700), *rng.normal(-0.8, 0.1, 900), *rng.normal(1, 1, 900)]:
        offsets = calibration.offsets()
        if offsets:
            ladder = [offsets[name] for name in ("lo95", "lo80", "hi80", "hi95")]
            assert ladder == sorted(set(ladder))
        calibration.learn(residual, offsets)


def test_offsets_are_in_order_where_all_residuals_are_the_same() -> None:
    offsets = Calibration(residuals=[0.0] * 300).offsets()
    assert offsets is not None
    ordered = [offsets[name] for name in ("lo95", "lo80", "hi80", "hi95")]
    assert np.diff(ordered).min() >= 0.01 - 1e-12
