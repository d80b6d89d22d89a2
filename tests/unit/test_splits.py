"""Parts of the rows: each scored by its own plain mean."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from volcast.core import calendar
from volcast.core.names import EVALUATION_BASELINES
from volcast.evaluation.splits import (
    CRISES,
    TERCILES,
    by_crisis,
    by_label,
    by_year,
    on_common_rows,
    phases,
    vix_tercile,
)
from volcast.evaluation.statistics import diebold_mariano
from volcast.evaluation.table import losses


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    days = calendar.sessions(date(2017, 6, 1), date(2020, 6, 30))
    rng = np.random.default_rng(9)
    rv = np.exp(rng.normal(-2, 0.4, len(days)))
    frame = pd.DataFrame({"session": days, "symbol": "SPY", "rv_5d": rv, "forecast": rv**0.9})
    frame = frame.assign(**{name: 0.15 for name in EVALUATION_BASELINES})
    frame = frame.assign(lo80=0.1, hi80=0.2, lo95=0.1, hi95=0.2, garch=np.nan)
    return frame.assign(vix=rng.uniform(0.1, 0.4, len(days)))


def qlike(part: pd.DataFrame, column: str) -> float:
    ratios = [(a / b) ** 2 for a, b in zip(part["rv_5d"], part[column], strict=True)]
    return sum(r - math.log(r) - 1 for r in ratios) / len(ratios)


def test_each_year_is_scored_on_its_own_sessions_and_no_baseline_with_a_gap(rows):
    parts = by_year(rows)
    assert list(parts) == ["2017", "2018", "2019", "2020"]
    assert sum(skill.rows for skill in parts.values()) == len(rows)
    part = rows[[day.year == 2018 for day in rows["session"]]]
    ours = qlike(part, "forecast")
    assert parts["2018"].line("volcast").qlike == pytest.approx(ours)
    assert parts["2018"].line("har_x").gain == pytest.approx(1 - ours / qlike(part, "har_x"))
    assert parts["2018"].left_out == ("garch",)


def test_crises_are_listed_whether_they_flatter_or_not(rows):
    parts = by_crisis(rows)
    assert list(parts) == [name for name in CRISES if name[:4] in ("2018", "2020")]
    name = "2018-02, short-volatility funds"
    first, last = CRISES[name]
    part = rows[[first <= day <= last for day in rows["session"]]]
    assert parts[name].rows == len(part)
    assert parts[name].line("vix").qlike == pytest.approx(qlike(part, "vix"))


def test_common_rows_are_those_of_every_baseline_that_has_any(rows):
    assert on_common_rows(rows) is None
    late = rows.assign(vix=rows["vix"].where(rows.index > 20))
    assert on_common_rows(late).rows == len(rows) - 21


def test_terciles_of_vix_hold_a_third_each_and_leave_out_what_has_none(rows):
    gap = rows.assign(vix=rows["vix"].where(rows.index > 20))
    labels = vix_tercile(gap)
    assert labels.iloc[:21].isna().all()
    counts = labels.value_counts()
    assert set(counts.index) == set(TERCILES)
    assert counts.max() - counts.min() <= 1
    bounds = gap["vix"].groupby(labels).agg(["min", "max"])
    assert bounds.loc["low VIX", "max"] < bounds.loc["middle VIX", "min"]
    assert bounds.loc["middle VIX", "max"] < bounds.loc["high VIX", "min"]
    assert vix_tercile(rows.assign(vix=np.nan)).isna().all()


def test_a_label_without_a_row_is_left_out(rows):
    labels = pd.Series("calm", index=rows.index)
    assert list(by_label(rows, labels, ["calm", "stressed"])) == ["calm"]


def test_a_part_of_one_row_is_compared(rows):
    assert phases(rows.iloc[:3]).keys() == {"first", "second", "third"}
    (skill,) = by_year(rows.iloc[:1]).values()
    assert skill.line("volcast").qlike == pytest.approx(qlike(rows.iloc[:1], "forecast"))
    assert math.isnan(skill.line("volcast").r2_log)
    assert skill.line("har_rv").p_better == 0.5


def test_phases_take_every_fifth_session_and_all_of_them_once(rows):
    parts = phases(rows)
    assert sum(phase.rows for phase in parts.values()) == len(rows)
    part = rows.iloc[2::5]
    ours, theirs = losses(part, "forecast"), losses(part, "har_rv")
    line = parts["third"].line("har_rv")
    assert line.gain == pytest.approx(1 - ours.mean() / theirs.mean())
    assert line.p_better == pytest.approx(diebold_mariano(ours, theirs), rel=1e-9)
