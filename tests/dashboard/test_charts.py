"""Charts are of Vega-Lite's schema, and their marks are where the numbers are."""

from datetime import date

import pandas as pd
import pytest

from serving.dashboard import words
from serving.dashboard.charts import fan, regimes, svg, track_record
from serving.dashboard.markup import notice, table
from tests.dashboard import stores
from volcast.core import calendar
from volcast.evaluation.table import Skill
from volcast.monitoring import status


@pytest.fixture
def full(store):
    return stores.whole(store)


def rows_of(chart, validate=True):
    """Return the rows of a chart, which is checked against Vega-Lite's schema."""
    return [row for rows in chart.to_dict(validate=validate)["datasets"].values() for row in rows]


def test_every_chart_is_valid_and_has_all_its_rows(full):
    track, ribbon = status.track(full, "SPY"), status.ribbon(full, "SPY")
    months = status.by_month(track)
    assert len(rows_of(fan(track))) == len(track)
    # The closes and two stretches of a regime.
    assert len(rows_of(regimes(ribbon))) == len(ribbon) + 2
    for loss in ("qlike", "rmse"):
        for past in (None, 0.3):
            rows = rows_of(track_record(months, loss, past))
            assert len(rows) == len(months) + (past is not None)


def test_a_picture_is_as_wide_as_its_screen_and_takes_the_colours_of_the_page(full):
    for picture, width in zip(svg(fan(status.track(full, "SPY"))), (640, 350), strict=True):
        assert f'viewBox="0 0 {width} ' in picture
        assert "var(--ours)" in picture
        assert "currentColor" in picture
        assert "<script" not in picture


def test_a_single_forecast_without_an_outcome_is_drawn(full):
    newest = status.track(full, "SPY").tail(1)
    assert rows_of(fan(newest))[0]["realized"] is None
    unmoved = fan(newest.assign(realized=0.0)).to_dict()
    domains = [
        layer["encoding"]["y"]["scale"]["domain"][0]
        for layer in unmoved["layer"]
        if "scale" in layer["encoding"].get("y", {})
    ]
    assert min(domains) > 0  # a log scale has no zero


def test_thirty_years_are_drawn():
    days = calendar.sessions(date(1993, 1, 4), date(2022, 12, 30))
    columns = ("forecast", "lo80", "hi80", "lo95", "hi95", "realized")
    rows = pd.DataFrame({"session": days, "origin": "published", **dict.fromkeys(columns, 0.1)})
    assert len(rows_of(fan(rows), validate=False)) == len(days) > 7500


def test_stretches_of_a_regime_meet_and_leave_out_what_was_not_fitted():
    days = [date(2024, 1, day) for day in (2, 3, 4, 5, 8)]
    rows = pd.DataFrame({"session": days, "regime": [None, "calm", "calm", "stressed", "calm"]})
    stretches = words.runs(rows)
    assert list(stretches["regime"]) == ["calm", "stressed", "calm"]
    assert list(stretches["sessions"]) == [2, 1, 1]
    assert [f"{day:%d}" for day in stretches["first"]] == ["03", "05", "08"]
    assert [f"{day:%d}" for day in stretches["until"]] == ["05", "08", "09"]


def test_the_text_of_a_fan_has_the_numbers_of_its_rows(full):
    rows = status.track(full, "SPY")
    realized = rows[rows["realized"].notna()]
    inside = (realized["lo80"] <= realized["realized"]) & (realized["realized"] <= realized["hi80"])
    text = words.of_fan(rows)
    for number in ("369 forecasts", "13.1 %", f"{100 * inside.mean():.1f} %", "40 were published"):
        assert number in text


def test_a_baseline_that_is_better_is_named_with_its_p_value():
    better = status.Versus(9, 0.3, 5.0, Skill("har_rv", 0.4, 6.0, 0.25, 0.01))
    worse = status.Versus(9, 0.5, 7.0, Skill("vix", 0.4, 6.0, -0.25, 0.88))
    assert words.of_skill([better])[0]
    all_better, text = words.of_skill([better, worse])
    assert not all_better
    assert "HAR-RV" in text
    assert "VIX is better by 25.0 %, not significantly (p .12)" in text


def test_months_are_counted_against_each_baseline():
    months = pd.DataFrame(
        [
            (date(2024, month, 1), name, 20, qlike, 5.0)
            for month, ours, har in ((1, 0.2, 0.3), (2, 0.5, 0.4), (3, 0.1, 0.2))
            for name, qlike in (("volcast", ours), ("HAR-RV", har))
        ],
        columns=["month", "name", "n", "qlike", "rmse"],
    )
    text = words.of_track(months, "qlike", 0.25)
    for number in ("HAR-RV in 2 of 3", "Feb 2024 (0.50)", "0.25"):
        assert number in text
    assert "HAR-RV in 0 of 3" in words.of_track(months, "rmse", None)


def test_text_of_the_store_is_escaped_and_numbers_are_aligned_right():
    html = notice("wrong", "<script>alert(1)</script> run `make run`")
    assert "&lt;script&gt;" in html
    assert "<code>make run</code>" in html
    html = table("<i>", ["name", "n"], [["<img src=x>", "1,000"], ["2024", "-2.5 %"]], ours="2024")
    assert "<img" not in html
    assert html.count('<td class="n">') == 2
    assert '<th scope="row" class="n">2023</th>' in table("", ["year"], [["2023"]])
    assert '<tr class="ours"><th scope="row">2024</th><td class="n">-2.5\u00a0%</td></tr>' in html
