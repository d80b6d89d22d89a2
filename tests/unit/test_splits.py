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
    phases,
    vix_tercile,
)
from volcast.evaluation.statistics import diebold_mariano


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    days = calendar.sessions(date(2017, 6, 1), date(2020, 6, 30))
    rng = np.random.default_rng(9)
    rv = np.exp(rng.normal(-2, 0.4, len(days)))
    frame = pd.DataFrame({"session": days, "symbol": "SPY", "rv_5d": rv, "forecast": rv**0.9})
    frame = frame.assign(**{name: 0.15 for name in EVALUATION_BASELINES})
    return frame.assign(vix=rng.uniform(0.1, 0.4, len(days)), garch=np.nan)


def qlike(part: pd.DataFrame, column: str) -> float:
    ratios = [(a / b) ** 2 for a, b in zip(part["rv_5d"], part[column], strict=True)]
    return sum(r - math.log(r) - 1 for r in ratios) / len(ratios)


def test_years_hold_their_own_sessions_and_no_baseline_with_a_gap(rows):
    parts = by_year(rows)
    assert [split.name for split in parts] == ["2017", "2018", "2019", "2020"]
    assert sum(split.rows for split in parts) == len(rows)
    part = rows[[day.year == 2018 for day in rows["session"]]]
    assert parts[1].qlike["volcast"] == pytest.approx(qlike(part, "forecast"))
    assert parts[1].gain("har_x") == pytest.approx(
        1 - qlike(part, "forecast") / qlike(part, "har_x")
    )
    assert "garch" not in parts[1].qlike


def test_crises_are_listed_whether_they_flatter_or_not(rows):
    parts = {split.name: split for split in by_crisis(rows)}
    assert list(parts) == [name for name in CRISES if name[:4] in ("2018", "2020")]
    first, last = CRISES["2018-02, short-volatility funds"]
    part = rows[[first <= day <= last for day in rows["session"]]]
    assert parts["2018-02, short-volatility funds"].rows == len(part)
    assert parts["2018-02, short-volatility funds"].qlike["vix"] == pytest.approx(
        qlike(part, "vix")
    )


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
    assert [split.name for split in by_label(rows, labels, ["calm", "stressed"])] == ["calm"]


def test_phases_take_every_fifth_session_and_all_of_them_once(rows):
    parts = phases(rows)
    assert sum(phase.rows for phase in parts) == len(rows)
    part = rows.iloc[2::5]
    assert parts[2].gain["har_rv"] == pytest.approx(
        1 - qlike(part, "forecast") / qlike(part, "har_rv")
    )
    columns = ("forecast", "har_rv")
    ours, theirs = (np.array([qlike(part.iloc[[i]], c) for i in range(len(part))]) for c in columns)
    assert parts[2].p_better["har_rv"] == pytest.approx(diebold_mariano(ours, theirs), rel=1e-9)
