"""monitoring.status: facts of a store are those of its tables, computed again in plain code."""

import json
import math
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from tests.dashboard import stores
from tests.monitoring.monitored import put
from volcast.core import calendar
from volcast.core.errors import CorruptFile, KeyMissing
from volcast.features.catalog import label
from volcast.monitoring import status
from volcast.monitoring.status.words import days, error_words, points, session_words
from volcast.registry.run_files import GateDecision, Lineage
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_QUALITY,
    PREDICTIONS_DAILY,
)
from volcast.store.universe import recall

LATER = datetime(2026, 1, 5, 12, tzinfo=UTC)


def missing(fact):
    assert isinstance(fact, status.Missing)
    return str(fact)


def health(store, now=LATER):
    return status.health(store, recall(store), "SPY", now)


def forecast(store, session, version, **columns):
    put(
        store, PREDICTIONS_DAILY, "SPY", session, model_version=version,
        **({"role": "champion", "model_as_of": date(2024, 4, 1), "rv_5d_hat": 0.3} | columns),
    )  # fmt: skip


def test_the_outlook_is_the_newest_forecast_and_its_change_since_the_session_before(store):
    outlook = status.outlook(stores.whole(store), "SPY")
    assert outlook.row["session"] == date(2024, 6, 28)
    assert outlook.change == pytest.approx(0.131 - 0.14)
    assert outlook.headline == stores.HEADLINE


def test_where_the_gate_refused_the_newest_model_its_reasons_are_what_is_missing(store):
    assert "make run" in missing(status.model_card(store, "SPY"))
    for run, day, passed in (("old", 1, True), ("new", 2, False)):
        decision = GateDecision(passed, "first", ("Judged on 900.", "Refused: 3 % above it."))
        store.objects.put(f"runs/{run}/verdict.json", decision.to_bytes())
        lineage = Lineage(as_of=date(2024, 1, day))
        store.objects.put(f"runs/{run}/lineage.json", lineage.to_bytes())
    for fact in (status.model_card(store, "SPY"), status.outlook(store, "SPY")):
        assert missing(fact).endswith("The gate refused the newest model. 3 % above it.")


def test_the_version_in_service_goes_before_a_newer_one_and_challengers_are_left_out(store):
    stores.whole(store)
    forecast(store, stores.SESSION, "4")
    forecast(store, stores.SESSION, "5", role="challenger")
    assert status.outlook(store, "SPY").row["model_version"] == "3"
    store.objects.put("registry/champion.json", b"")
    pointer = stores.POINTER.replace(b'"version": "3"', b'"version": "2"')
    store.objects.put("registry/champion.json", pointer)
    assert status.outlook(store, "SPY").row["model_version"] == "4"


def test_there_is_no_change_between_a_forecast_and_hindsight_or_over_a_gap(store):
    stores.whole(store)
    monday, tuesday, thursday = (date(2024, 7, day) for day in (1, 2, 5))
    forecast(store, monday, "3", model_as_of=date(2024, 8, 1))
    assert status.outlook(store, "SPY").hindsight
    assert status.outlook(store, "SPY").change is None
    forecast(store, tuesday, "3", model_as_of=None)
    assert status.outlook(store, "SPY").change == 0  # both are hindsight
    forecast(store, thursday, "3")
    assert status.outlook(store, "SPY").before is None


def test_an_outlook_as_of_a_day_is_that_days_or_missing(store):
    stores.whole(store)
    assert status.outlook(store, "SPY", date(2024, 6, 27)).row["rv_5d_hat"] == 0.14
    assert "for 2024-07-01" in missing(status.outlook(store, "SPY", date(2024, 7, 1)))
    assert "yet" in missing(status.outlook(store, "QQQ"))


def test_drivers_go_from_an_average_day_to_the_forecast(store):
    row = status.outlook(stores.whole(store), "SPY").row
    parts = status.drivers(row)
    assert [part.feature for part in parts] == [
        "base", *(driver["feature"] for driver in stores.DRIVERS), "others", "total",
    ]  # fmt: skip
    assert math.exp(parts[-1].contribution / 2) == pytest.approx(0.131)


def test_shares_of_a_forecast_add_up_to_it_in_whatever_order():
    parts = [
        {"feature": name, "value": 1.0, "contribution": contribution}
        for name, contribution in (("iv", 0.5), ("g1_less_iv", -0.2))
    ]
    row = {"base_log_variance": -4.0, "drivers": parts, "others_contribution": 0.1}
    base, *moved, total = (part.share for part in status.drivers(row))
    assert base == pytest.approx(math.exp(-2) / math.exp(-1.8))
    assert base + sum(moved) == pytest.approx(total) == 1
    assert [share > 0 for share in moved] == [True, False, True]
    assert moved[0] / moved[1] == pytest.approx(0.5 / -0.2)
    reverse = [part.share for part in status.drivers(row | {"drivers": parts[::-1]})]
    assert reverse[1:3] == pytest.approx(moved[1::-1])
    unmoved = row | {"drivers": [parts[0] | {"contribution": 0.0}], "others_contribution": 0.0}
    assert [part.share for part in status.drivers(unmoved)] == [1, 0, 0, 1]


def test_the_target_is_the_first_of_the_symbols(store):
    assert status.forecast_symbols(store) == []
    stores.whole(store)
    for symbol in ("QQQ", "IWM", "ES=F"):
        put(store, PREDICTIONS_DAILY, symbol, stores.SESSION)
    assert status.forecast_symbols(store) == ["SPY", "ES=F", "IWM", "QQQ"]


def test_a_track_is_the_walk_forward_then_the_published_forecasts_with_outcomes(store):
    rows = status.track(stores.whole(store), "SPY")
    first = stores.PUBLISHED[0]
    assert set(rows.loc[rows["session"] < first, "origin"]) == {"walk-forward"}
    assert set(rows.loc[rows["session"] >= first, "origin"]) == {"published"}
    assert list(rows["session"]) == [*stores.SESSIONS[:-45], *stores.PUBLISHED]
    assert rows["realized"].notna().sum() == len(rows) - 5


def test_a_track_has_no_hindsight_and_as_of_a_day_no_later_outcome(store):
    stores.published(store, "SPY")
    forecast(store, date(2024, 7, 1), "3", model_as_of=date(2024, 8, 1))
    assert list(status.track(store, "SPY")["session"]) == stores.PUBLISHED
    last = stores.SESSIONS[-10]
    rows = status.track(stores.whole(store), "SPY", last)
    assert rows["session"].max() == last
    assert rows.loc[rows["realized"].notna(), "session"].max() == calendar.after(last, -5)
    assert "QQQ" in missing(status.track(store, "QQQ"))


def table():
    """Two months; HAR-X lacks a session of the first, and one outcome is not known."""
    return pd.DataFrame(
        {
            "session": [date(2024, 1, 3), date(2024, 1, 4), date(2024, 2, 1), date(2024, 2, 2)],
            "forecast": [0.1, 0.2, 0.15, 0.15],
            "har_rv": [0.2, 0.2, 0.1, 0.1],
            "log_har": [None, 0.24, 0.2, 0.1],
            "har_x": [None, 0.2, 0.1, 0.1],
            "vix": [None, None, None, None],
            "realized": [0.1, 0.25, 0.2, None],
            "lo80": [0.08, 0.1, 0.1, 0.1], "hi80": [0.12, 0.2, 0.25, 0.2],
            "lo95": [0.05, 0.1, 0.1, 0.1], "hi95": [0.3, 0.26, 0.3, 0.2],
        }
    )  # fmt: skip


def qlike(realized, forecast):
    ratio = (realized / forecast) ** 2
    return ratio - math.log(ratio) - 1


def test_a_months_scores_are_of_its_sessions_alone():
    scores = status.by_month(table()).set_index(["month", "name"])
    january, february = date(2024, 1, 1), date(2024, 2, 1)
    assert set(scores.index) == {
        (january, "volcast"), (january, "HAR-RV"),
        (february, "volcast"), (february, "HAR-RV"), (february, "HAR-X"),
    }  # fmt: skip
    ours = scores.loc[(january, "volcast")]
    assert ours["n"] == 2
    assert ours["qlike"] == pytest.approx((qlike(0.1, 0.1) + qlike(0.25, 0.2)) / 2)
    assert ours["rmse"] == pytest.approx(math.sqrt((0**2 + 5**2) / 2))


def test_each_baseline_is_compared_on_the_sessions_that_both_have():
    har, log_har, har_x = status.against(table())
    assert (log_har.skill.name, log_har.n, log_har.skill.gain < 0) == ("log_har", 2, True)
    assert (har.skill.name, har.n, har_x.skill.name, har_x.n) == ("har_rv", 3, "har_x", 2)
    ours = (qlike(0.25, 0.2) + qlike(0.2, 0.15)) / 2
    theirs = (qlike(0.25, 0.2) + qlike(0.2, 0.1)) / 2
    assert (har_x.qlike, har_x.skill.qlike) == (pytest.approx(ours), pytest.approx(theirs))
    assert har_x.skill.gain == pytest.approx(1 - ours / theirs)
    assert har.rmse == pytest.approx(math.sqrt((0 + 5**2 + 5**2) / 3))
    assert har.skill.rmse == pytest.approx(math.sqrt((10**2 + 5**2 + 10**2) / 3))


@pytest.mark.parametrize(
    ("forecast", "outcome", "words"),
    [
        (0.213, 0.262, "4.9 points too low"), (0.262, 0.213, "4.9 points too high"),
        (0.2, 0.2, "no error"), (0.2004, 0.2001, "no error"),
        # What the reader subtracts: 26.3 less 33.1.
        (0.26349, 0.33051, "6.8 points too low"),
    ],
)  # fmt: skip
def test_an_error_is_in_words_and_agrees_with_the_rounded_numbers(forecast, outcome, words):
    assert error_words(forecast, outcome) == words


def test_coverage_is_the_share_of_known_outcomes_inside_the_intervals():
    assert status.coverage(table()) == {80: pytest.approx(2 / 3), 95: 1}
    assert status.coverage(table().assign(realized=None)) is None


def test_a_ribbon_names_the_likeliest_regime_of_each_session(store):
    stores.prices(store)
    rows = status.ribbon(store, "SPY")
    assert list(rows["regime"]) == ["calm"] * (len(rows) - 10) + ["stressed"] * 10
    assert "volcast ingest" in missing(status.ribbon(store, "QQQ"))


def test_an_archive_is_as_fresh_as_its_newest_session(store):
    state = health(stores.whole(store))
    assert (state.expected, state.live, state.overdue) == (stores.SESSION, False, 0)
    assert {(one.table, one.behind) for one in state.tables if one.symbol == "SPY"} == {
        ("curated.market_daily", 0), ("features_daily", 0), ("predictions_daily", 0),
        ("labels_daily", 0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("now", "behind", "overdue"),
    [
        ("2024-07-01T12:00", 0, 0),  # Monday morning: Friday's forecast is the newest
        ("2024-07-01T21:00", 1, 0),  # after the close, the new one is due on the next morning
        ("2024-07-02T11:59", 1, 0),
        ("2024-07-02T12:01", 1, 1),  # eight in New York has passed
        ("2024-07-02T21:00", 2, 1),
    ],
)
def test_a_forecast_is_overdue_from_eight_in_new_york_on(store, now, behind, overdue):
    stores.whole(store)
    put(store, CURATED_MARKET_DAILY, "SPY", stores.SESSION, source="yfinance")
    state = health(store, datetime.fromisoformat(now).replace(tzinfo=UTC))
    ages = {one.table: one.behind for one in state.tables if one.symbol == "SPY"}
    assert (ages["predictions_daily"], state.overdue) == (behind, overdue)


def test_what_fired_is_of_the_newest_verdict_alone(store):
    stores.whole(store)
    for session, subject, reference in (
        (stores.SESSION, "rv_5d", "another champion's"), (date(2024, 6, 27), "ret_1", "r"),
    ):  # fmt: skip
        put(
            store, MONITORING_DRIFT_DAILY, "SPY", session, subject=subject, test="psi",
            fired=True, reference_sha256=reference,
        )  # fmt: skip
    state = health(store)
    assert (state.drift["state"], state.fired) == ("regime-shift", ("iv",))


def test_checks_are_those_of_each_suites_last_run(store):
    stores.whole(store)
    for session, check, passed in (
        (date(2024, 6, 27), "old", False), (stores.SESSION, "fine", True),
    ):  # fmt: skip
        put(store, MONITORING_QUALITY, "SPY", session, suite="curated", check=check, passed=passed)
    state = health(store)
    assert state.checks == 2
    assert [row["check"] for row in state.failed] == ["range_is_possible"]
    assert [(job["job"], job["outcome"]) for job in state.jobs] == [
        ("volcast-daily-inference", "failed"), ("volcast-train", "succeeded"),
    ]  # fmt: skip


def test_the_card_is_the_champions_with_all_versions_and_moves(store):
    card = status.model_card(stores.whole(store), "SPY")
    assert (card.champion.version, card.lineage.recipe) == ("3", "blend 0123abcd")
    assert [version.version for version in card.versions] == ["3"]
    assert [(move.kind, move.new, move.who) for move in card.moves] == [("promote", "3", "ana")]


@pytest.mark.parametrize("content", [b"torn", b"\xff", json.dumps([1]).encode()])
def test_a_card_that_is_missing_or_cannot_be_read(store, content):
    assert "no champion" in missing(status.model_card(store, "SPY"))
    stores.whole(store)
    store.objects.put("registry/volcast/3/lineage.json", content)
    with pytest.raises(CorruptFile, match=r"lineage\.json"):
        status.model_card(store, "SPY")
    store.objects.delete("registry/volcast/3/lineage.json")
    with pytest.raises(KeyMissing):
        status.model_card(store, "SPY")


def test_numbers_and_days_are_in_words():
    assert (points(0.009), points(-0.009), points(0.0004)) == ("+0.9", "-0.9", "0.0")
    assert days(date(2022, 1, 3), date(2022, 1, 7)) == "3-7 Jan 2022"
    assert days(date(2022, 1, 31), date(2022, 2, 4)) == "31 Jan - 4 Feb 2022"
    assert days(date(2021, 12, 30), date(2022, 1, 5)) == "30 Dec 2021 - 5 Jan 2022"
    assert days(date(2022, 1, 3), date(2022, 1, 3)) == "3 Jan 2022"
    assert [session_words(n) for n in (1, 0, 1234)] == ["1 session", "0 sessions", "1,234 sessions"]
    assert (label("iv"), label("no such")) == ("implied volatility", "no such")
