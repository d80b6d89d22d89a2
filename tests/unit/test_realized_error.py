"""Realized error: what is scored, the latest against those before, how often the test errs."""

from collections.abc import Sequence
from datetime import date
from math import erf, log, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.contract_rows import contract_rows
from tests.performance_trials import against, blocks, detected, false_coverage, false_months
from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.monitoring.score import coverage_p, performance, relative_losses, score, shift
from volcast.store import Store
from volcast.store.tables import (
    LABELS_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_REALIZED_ERROR,
    PREDICTIONS_DAILY,
)

UNIVERSE = Universe(target="SPY")
DAYS = calendar.sessions(date(2019, 1, 2), date(2020, 6, 30))
RNG = np.random.default_rng(11)
RV = 0.15 * np.exp(np.convolve(RNG.normal(0, 0.25, len(DAYS) + 4), np.ones(5) / sqrt(5), "valid"))


def put(store: Store, days: Sequence[date] = DAYS, **columns: object) -> None:
    """Publish forecasts of .15, and the outcomes `RV`; every baseline is .16."""
    where = [DAYS.index(day) for day in days]
    labels = contract_rows(LABELS_DAILY, ["SPY"], days).to_pandas()
    ends = [calendar.after(day, 5) for day in days]
    store.write(LABELS_DAILY, labels.assign(rv_5d=RV[where], label_end_session=ends))
    values: dict[str, object] = {
        "model_version": "1",
        "role": "champion",
        "model_as_of": date(2018, 12, 31),
    }
    values |= {"rv_5d_hat": 0.15, "lo80": 0.1, "hi80": 0.2, "lo95": 0.05, "hi95": 0.3}
    values |= {f"baseline_{name}": 0.16 for name in ("har_rv", "log_har", "har_x", "vix")}
    rows = contract_rows(PREDICTIONS_DAILY, ["SPY"], days).to_pandas()
    store.write(PREDICTIONS_DAILY, rows.assign(**(values | columns)))


def qlike(rv: float, forecast: float) -> float:
    ratio = (rv / forecast) ** 2
    return ratio - log(ratio) - 1


def scored(store: Store, as_of: date = DAYS[-1]) -> pd.DataFrame:
    score(store, UNIVERSE, as_of)
    return store.read(MONITORING_REALIZED_ERROR).to_pandas()


def judged(store: Store) -> dict[str, object]:
    score(store, UNIVERSE, DAYS[-1])
    return performance(store, UNIVERSE, DAYS[-1])


def test_a_forecast_is_scored_by_the_outcome_of_its_session(store: Store) -> None:
    put(store)
    row = scored(store).iloc[0]
    assert row["session"] == DAYS[0]
    assert row["label_end_session"] == calendar.after(DAYS[0], 5)
    assert row["qlike"] == pytest.approx(qlike(RV[0], 0.15))
    assert row["qlike_har"] == pytest.approx(qlike(RV[0], 0.16))
    assert row["error_points"] == pytest.approx(15 - 100 * RV[0])
    assert row["inside_80"] == (0.1 <= RV[0] <= 0.2)


def test_an_outcome_counts_only_once_its_last_session_has_closed(store: Store) -> None:
    put(store)
    assert scored(store, DAYS[7])["session"].tolist() == DAYS[:3]


def test_hindsight_is_not_scored(store: Store) -> None:
    put(store, DAYS[:10], model_as_of=DAYS[5])
    put(store, DAYS[10:12], model_as_of=None)
    assert scored(store)["session"].tolist() == DAYS[5:10]


def test_a_challenger_is_scored_and_is_no_part_of_the_champions_record(store: Store) -> None:
    put(store)
    put(store, DAYS, role="challenger", model_version="2", rv_5d_hat=0.9)
    assert set(scored(store)["role"]) == {"champion", "challenger"}
    row = performance(store, UNIVERSE, DAYS[-1])
    assert row["recent_qlike"] == pytest.approx(np.mean([qlike(v, 0.15) for v in RV[-25:-5]]))


def test_of_two_champions_of_a_session_the_newest_version_counts(store: Store) -> None:
    put(store, DAYS[:100], model_version="9")
    put(store, DAYS[:100], model_version="10", rv_5d_hat=0.2)
    row = judged(store)
    assert row["recent_qlike"] == pytest.approx(np.mean([qlike(v, 0.2) for v in RV[80:100]]))


def test_the_windows_are_the_latest_20_and_the_252_before(store: Store) -> None:
    put(store)
    row = judged(store)
    assert (row["recent_n"], row["before_n"], row["recent_to"]) == (20, 252, DAYS[-6])
    before = RV[-25 - 252 : -25]
    assert row["before_qlike"] == pytest.approx(np.mean([qlike(v, 0.15) for v in before]))
    squares = [(100 * (v - 0.15)) ** 2 for v in before]
    assert row["before_rmse_points"] == pytest.approx(sqrt(np.mean(squares)))
    assert row["before_coverage_95"] == pytest.approx(np.mean((before >= 0.05) & (before <= 0.3)))


@pytest.mark.parametrize(("count", "state"), [(79, "too-few"), (80, "same")])
def test_fewer_than_80_scored_forecasts_are_too_few(store: Store, count: int, state: str) -> None:
    put(store, DAYS[:count])
    row = judged(store)
    assert row["state"] == state
    assert ("p_worse" in row) == (state == "same")


def test_nothing_published_is_too_few_and_no_failure(store: Store) -> None:
    assert score(store, UNIVERSE, DAYS[-1]).added == 0
    row = performance(store, UNIVERSE, DAYS[-1])
    assert (row["state"], row["recent_n"]) == ("too-few", 0)
    assert len(store.read(MONITORING_PERFORMANCE)) == 1


def test_the_same_scores_give_the_same_bytes(store: Store) -> None:
    put(store)
    digests = []
    for _ in range(2):
        judged(store)
        keys = store.objects.list("monitoring.")
        digests.append({key: store.objects.get(key) for key in keys})
    assert digests[0] == digests[1]


def test_a_worse_model_is_called_worse_and_a_better_one_better(store: Store) -> None:
    forecast = np.full(len(DAYS), 0.15)
    forecast[-25:] = 0.3
    put(store, rv_5d_hat=forecast)
    assert judged(store)["state"] == "worse"
    good = np.full(len(DAYS), 0.25)
    good[-25:] = RV[-25:] * 1.01
    put(store, rv_5d_hat=good)
    assert judged(store)["state"] == "better"


def test_a_shock_that_hits_the_baseline_alike_is_not_called_worse(store: Store) -> None:
    put(store)
    shocked = RV.copy()
    shocked[-25:] *= 3
    rows = store.read(LABELS_DAILY).to_pandas()
    store.write(LABELS_DAILY, rows.assign(rv_5d=shocked))
    row = judged(store)
    assert row["recent_qlike"] > 5 * row["before_qlike"]  # type: ignore[operator]
    assert row["state"] != "worse"


def test_the_reference_is_the_nearest_baseline_that_every_row_has(store: Store) -> None:
    put(store, baseline_har_x=None)
    assert judged(store)["reference"] == "log_har"
    put(store, **{f"baseline_{name}": None for name in ("har_x", "log_har", "har_rv")})
    row = judged(store)
    assert (row["state"], row.get("reference")) == ("too-few", None)


def test_the_p_value_is_of_the_windows_means_by_plain_loops() -> None:
    before, recent = RNG.normal(size=100), RNG.normal(size=20) + 1
    centre = before.mean()
    means = [before[i : i + 20].mean() - centre for i in range(81)]
    error = sqrt(sum(m * m for m in means) / 81 * 1.2)
    tested = shift(before, recent)
    assert tested.p_worse == pytest.approx(stats.t.sf((recent.mean() - centre) / error, 5))
    assert tested.p_better == pytest.approx(1 - tested.p_worse)
    assert shift(np.zeros(100), np.zeros(20)).state == "same"


def test_a_relative_loss_is_bounded_where_qlike_is_not() -> None:
    relative = relative_losses(np.array([0.0, 50.0, 0.3]), np.array([0.3, 50.0, 0.3]))
    assert relative == pytest.approx([log(0.1 / 0.4), 0, 0])


def test_coverage_counts_what_neighbours_have_in_common() -> None:
    inside = np.repeat(np.arange(50) % 5 > 1, 5)
    share = inside.mean()
    alone = 1 - erf(abs(share - 0.8) * sqrt(250 / 0.16) / sqrt(2))
    assert share == pytest.approx(0.6)
    assert coverage_p(inside, 0.8) > alone
    apart = np.arange(250) % 5 > 0
    assert coverage_p(apart, 0.8) == pytest.approx(1)


def history(count: int) -> pd.DataFrame:
    """Outcomes over five days of a volatility that wanders, and two forecasts of it."""
    rng = np.random.default_rng(3)
    level = np.empty(count + 5)
    level[0] = 0.0
    for i in range(1, len(level)):
        level[i] = 0.985 * level[i - 1] + rng.normal(0, 0.12)
    squares = np.exp(2 * level) * rng.standard_t(5, size=count + 5) ** 2
    rv = 0.15 * np.sqrt(np.convolve(squares, np.ones(5) / 5, "valid"))[1:]
    noise = [np.exp(rng.normal(0, sd, count)) for sd in (0.05, 0.12)]
    level = 0.15 * np.exp(level[:count]) * 1.3
    return pd.DataFrame({"rv_5d": rv, "forecast": level * noise[0], "har_rv": level * noise[1]})


def test_no_more_than_one_month_in_twenty_is_falsely_called_worse() -> None:
    rows = history(2500)
    drawn = rows.iloc[blocks(len(rows), 21 * 200, np.random.default_rng(7))]
    worse, better = false_months(against("har_rv")(drawn))
    assert worse <= 0.05
    assert better <= 0.08


def test_a_forecast_half_as_high_again_is_found_within_20_sessions() -> None:
    assert detected("too high", history(800), against("har_rv")) >= 0.7


def test_coverage_that_is_as_stated_is_seldom_rejected() -> None:
    rows = history(252 * 200)
    for level, half in ((80, 0.9), (95, 1.4)):
        rows[f"lo{level}"] = rows["forecast"] * np.exp(-half)
        rows[f"hi{level}"] = rows["forecast"] * np.exp(half * 0.6)
        assert false_coverage(rows, level) <= 0.08
