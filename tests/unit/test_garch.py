"""GARCH baselines: the recursion, the cache, and no look ahead."""

import json
import math
import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from tests.conftest import ROOT
from volcast.core import calendar
from volcast.core.errors import CorruptFile
from volcast.evaluation import garch
from volcast.evaluation.garch import MIN_RETURNS, garch_forecasts

KEY = "fits/garch/SYN.json"


def made_up(count: int = 900, seed: int = 2) -> pd.DataFrame:
    """Returns of a GARCH process, a session each."""
    rng, variance, returns = np.random.default_rng(seed), 1.0, []
    for shock in rng.standard_normal(count):
        returns.append(shock * math.sqrt(variance))
        variance = 0.03 + 0.1 * returns[-1] ** 2 + 0.87 * variance
    days = calendar.sessions(date(2000, 1, 3), date(2010, 1, 1))[:count]
    return pd.DataFrame({"session": days, "symbol": "SYN", "ret_1": np.asarray(returns) / 100})


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return made_up()


@pytest.fixture
def forecasts(rows, store) -> pd.DataFrame:
    return garch_forecasts(rows, store)


def test_forecasts_begin_with_the_first_month_that_has_three_years_behind_it(rows, forecasts):
    first = int(np.flatnonzero(forecasts["garch"].notna())[0])
    assert first >= MIN_RETURNS
    month, before = rows["session"].iloc[first], rows["session"].iloc[first - 1]
    assert month.month != before.month
    assert forecasts.iloc[first:].notna().all(axis=None)


@pytest.mark.parametrize(("name", "asymmetric"), [("garch", False), ("gjr_garch", True)])
def test_a_forecast_is_the_recursion_written_out(rows, forecasts, store, name, asymmetric):
    position = len(rows) - 3
    fits = json.loads(store.objects.get(KEY))
    returns = (100 * rows["ret_1"]).tolist()
    months = garch._months(rows["session"].tolist(), np.asarray(returns))
    month = next(m for m in months if m.first <= position < m.last)
    mu, omega, alpha, *gamma, beta = fits[f"{name} {month.key}"]["parameters"]
    gamma = gamma[0] if asymmetric else 0.0
    errors = [value - mu for value in returns]
    # arch begins at an exponentially weighted mean of the first 75 squares.
    weights = [0.94**i for i in range(75)]
    backcast = sum(w * e**2 for w, e in zip(weights, errors[:75], strict=True)) / sum(weights)
    variance = omega + (alpha + gamma / 2 + beta) * backcast
    for error in errors[: position + 1]:
        variance = omega + (alpha + gamma * (error < 0)) * error**2 + beta * variance
    steps = [variance]
    for _ in range(4):
        steps.append(omega + (alpha + gamma / 2 + beta) * steps[-1])
    expected = math.sqrt(252 * sum(steps) / 5) / 100
    assert forecasts[name].iloc[position] == pytest.approx(expected, rel=1e-9)


def test_later_returns_change_no_earlier_forecast(rows, forecasts, store):
    rng = np.random.default_rng(5)
    for cut in (800, 845, 871):
        torn = rows.copy()
        torn.loc[cut:, "ret_1"] = rng.permutation(torn.loc[cut:, "ret_1"].to_numpy())
        for other in (torn, rows.iloc[:cut]):
            again = garch_forecasts(other, store).iloc[:cut]
            pd.testing.assert_frame_equal(again, forecasts.iloc[:cut], rtol=1e-12)


def test_a_month_that_was_fitted_is_not_fitted_again(rows, store, forecasts, monkeypatch):
    stored = store.objects.get(KEY)
    monkeypatch.setattr(garch, "_fit", lambda *_: pytest.fail("fitted again"))
    pd.testing.assert_frame_equal(garch_forecasts(rows, store), forecasts, check_exact=True)
    assert store.objects.get(KEY) == stored


@pytest.mark.parametrize("threads", [1, 2])
def test_the_threads_of_linear_algebra_change_no_fit(rows, store, forecasts, threads):
    alone = store.objects.get(KEY)
    store.objects.delete(KEY)
    with threadpool_limits(threads, user_api="blas"):
        pd.testing.assert_frame_equal(garch_forecasts(rows, store), forecasts, check_exact=True)
    assert store.objects.get(KEY) == alone


def test_processes_side_by_side_give_the_same_bytes_and_report_progress(
    rows, store, forecasts, monkeypatch
):
    alone, calls = store.objects.get(KEY), []
    store.objects.delete(KEY)
    monkeypatch.setattr(garch, "_FEW", 2)
    garch_forecasts(rows, store, processes=2, progress=lambda *counts: calls.append(counts))
    assert store.objects.get(KEY) == alone
    count = 2 * len(garch._months(rows["session"].tolist(), 100 * rows["ret_1"].to_numpy()))
    assert calls[: count + 1] == [("GARCH fits", i, count) for i in range(count + 1)]
    assert calls[-1] == ("months of GJR-GARCH(1,1)", count // 2, count // 2)


@pytest.mark.slow
def test_processes_start_from_a_script_that_is_no_file_and_guards_nothing(tmp_path):
    script = f"""
from tests.unit.test_garch import made_up
from volcast.evaluation import garch
from volcast.store import Store
garch._FEW = 2
print(garch.garch_forecasts(made_up(), Store.open({str(tmp_path)!r}), processes=2)["garch"].count())
"""
    done = subprocess.run(
        [sys.executable, "-"], input=script, cwd=ROOT, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 90


def test_a_fit_that_did_not_converge_leaves_the_one_before_in_force(rows, store, monkeypatch):
    sound = garch._fit
    first = min(m.first for m in garch._months(rows["session"].tolist(), np.zeros(len(rows))))

    def failing(name, returns):
        fit = sound(name, returns)
        return fit if len(returns) == first else fit | {"parameters": [9.0] * 5, "sound": False}

    monkeypatch.setattr(garch, "_fit", failing)
    result = garch_forecasts(rows, store)
    assert result.iloc[first:].notna().all(axis=None)
    assert (result["garch"].dropna() < 1).all()


def test_a_session_without_a_return_has_the_forecast_of_the_one_before(rows, store):
    torn = rows.copy()
    torn.loc[850, "ret_1"] = np.nan
    result = garch_forecasts(torn, store)
    assert result["garch"].iloc[850] == result["garch"].iloc[849]
    assert result["garch"].iloc[851] != result["garch"].iloc[850]


def test_too_few_returns_give_no_forecast_and_no_file(rows, store):
    assert garch_forecasts(rows.iloc[:700], store).isna().all(axis=None)
    assert store.objects.get_or_none(KEY) is None


def test_a_broken_file_of_fits_is_named(rows, store):
    store.objects.put(KEY, b"[1, 2")
    with pytest.raises(CorruptFile, match=r"fits/garch/SYN\.json"):
        garch_forecasts(rows, store)
