"""The brief reports what the rows contain, each sentence with rows that can be looked up."""

import json
import math
from datetime import UTC, date, datetime

import pytest

from tests.brief.desk import BEFORE, NOW, SESSION, briefed, forecast, library_of, released
from tests.monitoring.monitored import put
from volcast.brief import Brief
from volcast.brief.citations import cite, row_of
from volcast.brief.daily import daily_brief
from volcast.brief.facts import Facts
from volcast.brief.macro import releases
from volcast.core.errors import NotFound, RequestError
from volcast.core.settings import Universe
from volcast.evaluation.words import better_choice
from volcast.registry.run_files import Metrics
from volcast.store import Store
from volcast.store.tables import MONITORING_JOBS, MONITORING_QUALITY, RAW_MACRO


@pytest.fixture
def desk(store: Store) -> Store:
    return briefed(store)


def brief_of(store: Store, as_of: date = SESSION) -> Brief:
    return daily_brief(Facts(store, Universe(), "SPY", as_of, NOW))


def sentences_of(brief: Brief, title: str) -> list[str]:
    return [one.text for part in brief.sections if part.title == title for one in part.sentences]


def test_each_section_has_the_numbers_of_its_rows(desk: Store):
    brief = brief_of(desk)
    texts = {part.title: " ".join(one.text for one in part.sentences) for part in brief.sections}
    for title, numbers in {
        "Forecast": (
            "SPY, next five sessions (1-8 Jul 2024): 13.1 % (-0.9 from yesterday), 80 % between "
            "9.2 and 19.7; calm.",
            "between 6.6 % and 26.2 %", "2.9 points below HAR-RV (16.0 %)", "VIX (17.0 %)",
        ),
        "Why": (
            f"{100 * math.exp(-4.0 / 2):.1f} %",
            "implied volatility (-21 %)",
        ),
        "Regime": ("calm with probability 0.80", "2 sessions, since 27 June 2024"),
        "Track record": (
            "volcast saves 20.0 % of HAR-RV's QLIKE",
            "HAR-X is better by 5.0 %, not significantly",
        ),
        "Macro releases": ("UNRATE: 4 per cent for May 2024, after 3.9",),
    }.items():  # fmt: skip
        for number in numbers:
            assert number in texts[title]


def test_a_difference_is_that_of_the_numbers_shown(desk: Store):
    forecast(desk, SESSION, 0.26349, baseline_har_rv=0.33051, baseline_har_x=0.29449)
    text = sentences_of(brief_of(desk), "Forecast")[2]
    assert "6.8 points below HAR-RV (33.1 %)" in text
    assert "3.1 points below HAR-X (29.4 %)" in text


def test_skill_and_coverage_are_of_the_sessions_that_every_baseline_has(desk: Store):
    key = "registry/volcast/3/metrics.json"
    stored = json.loads(desk.objects.get(key))
    common = stored["all"] | {"rows": 400, "coverage80": 0.81, "coverage95": 0.95}
    metrics = stored | {"all_baselines": common}
    desk.objects.put(key, json.dumps(metrics).encode())
    sentences = [
        *(one for one in brief_of(desk).sentences if "Walking" in one.text),
        *library_of(desk).ask("How often do the 80 % bands hold?").sentences[:1],
    ]
    assert len(sentences) == 3
    assert all(" 400 sessions" in one.text for one in sentences)
    assert all("part=all_baselines" in id for one in sentences for id in one.citations)


def test_an_error_is_too_low_or_too_high(desk: Store):
    answer = library_of(desk).ask("What came of the forecast for SPY on 20 June 2024?")
    assert "3.0 points too high" in answer.text


def test_a_past_session_without_a_forecast_needs_a_backfill(desk: Store):
    for day, helps in ((date(2024, 6, 26), True), (date(2024, 7, 1), False)):
        missing = [one for one in brief_of(desk, day).missing if "published for" in one.what]
        assert ["backfill" in one.remedy for one in missing] == [helps]


def test_a_store_without_macro_series_advises_no_ingest(store: Store):
    (macro,) = [one for one in brief_of(store).missing if "macro" in one.what]
    assert "ingest" not in macro.remedy


def test_every_citation_resolves_to_the_row_the_sentence_is_of(desk: Store):
    brief = brief_of(desk)
    assert len(brief.sentences) >= 8
    for sentence in brief.sentences:
        assert sentence.citations
        assert all(row_of(desk, citation) for citation in sentence.citations)
    row = row_of(desk, brief.sections[0].sentences[0].citations[0])
    assert (row["session"], row["rv_5d_hat"]) == (SESSION, 0.131)


def test_only_what_was_public_at_the_close_is_news(desk: Store):
    news = [
        sentences_of(brief_of(desk, day), "Macro releases")
        for day in (date(2024, 6, 25), BEFORE, SESSION)
    ]
    assert len(news[1]) == 1
    assert news == [[], news[1], news[1]]


def test_a_brief_of_a_past_day_uses_nothing_later(desk: Store):
    brief = brief_of(desk, BEFORE)
    assert sentences_of(brief, "Forecast")[0].startswith(
        "SPY, next five sessions (28 Jun - 5 Jul 2024)"
    )
    for sentence in brief.sentences:
        assert "28 June 2024" not in sentence.text
        for citation in sentence.citations:
            assert "2024-06-28" not in citation


def test_hindsight_is_labelled(desk: Store):
    forecast(desk, SESSION, 0.131, model_as_of=date(2024, 7, 31))
    texts = sentences_of(brief_of(desk), "Forecast")
    assert any("hindsight" in text and "2024-07-31" in text for text in texts)
    assert "from yesterday" not in texts[0]


def test_an_empty_store_gives_only_what_is_missing(store: Store):
    brief = brief_of(store)
    assert brief.sections == ()
    whats = " ".join(one.what for one in brief.missing)
    for part in ("forecast", "price", "champion", "Drift"):
        assert part in whats
    assert all(one.remedy for one in brief.missing)


def test_failed_checks_and_failed_runs_have_their_reason(desk: Store):
    put(
        desk, MONITORING_QUALITY, "SPY", SESSION, suite="curated", check="low_over_high",
        severity="critical", passed=False, detail="1 row: low 5 over high 4",
    )  # fmt: skip
    put(
        desk, MONITORING_JOBS, "volcast-train", date(2024, 6, 29), run_id="late",
        ended_at=datetime(2024, 6, 29, 1, tzinfo=UTC), outcome="failed", as_of=SESSION,
        detail="the store was full",
    )  # fmt: skip
    texts = " ".join(sentences_of(brief_of(desk), "Data and drift"))
    assert "low_over_high of curated (critical) failed" in texts
    assert "1 row: low 5 over high 4" in texts
    assert "volcast-train failed" in texts
    assert "the store was full" in texts


def test_the_brief_names_log_har_where_it_is_the_better_choice(desk: Store):
    key = "registry/volcast/3/metrics.json"
    skill = json.loads(desk.objects.get(key))["all"]
    better = skill["lines"][-1] | {"name": "log_har"}
    common = skill | {"rows": 400}
    metrics = {"all": skill | {"lines": [*skill["lines"], better]}, "all_baselines": common}
    for place in (key, "runs/cd/metrics.json"):
        desk.objects.put(place, json.dumps(metrics).encode())
    advice = better_choice(Metrics.from_bytes(desk.objects.get(key)).of_all_sessions)
    (one,) = (one for one in brief_of(desk).sentences if one.text == advice)
    assert advice
    assert [row_of(desk, id)["gain"] for id in one.citations] == [better["gain"]]


def skill_without(**columns: object) -> dict[str, object]:
    line = {"qlike": 0.2, "gain": 0.0, "p_better": 0.5} | columns
    return {"rows": 9, "first": "2020-01-02", "last": "2024-05-23",
            "lines": [{"name": "volcast"} | line, {"name": "har_rv"} | line]}  # fmt: skip


@pytest.mark.parametrize(
    "whole",
    [
        None, {"rows": 9}, {"lines": [None]}, {"lines": [{"qlike": 1}]},
        skill_without(gain=None), skill_without(qlike="low"),
    ],
)  # fmt: skip
def test_a_malformed_table_of_skill_is_named_and_affects_no_other_part(desk: Store, whole):
    key = "registry/volcast/3/metrics.json"
    desk.objects.put(key, json.dumps({"all": whole}).encode())
    brief = brief_of(desk)
    (one,) = (one for one in brief.missing if key in one.what)
    assert one.what.startswith(f"A part cannot be read: {key}: found")
    assert "Walking" not in " ".join(sentences_of(brief, "Track record"))
    assert sentences_of(brief, "Forecast")


def test_a_document_of_the_week_is_quoted(desk: Store):
    library = library_of(desk)
    sentence = library.brief().sections[-1].sentences[0]
    assert "Desk note on Verland" in sentence.text
    assert "raised its policy rate to 4.25 per cent." in sentence.text
    assert "4.25 per cent" in library.source(sentence.citations[0]).text


def test_an_unknown_symbol_or_day_is_refused(desk: Store):
    library = library_of(desk)
    with pytest.raises(NotFound, match="SPY"):
        library.brief("QQQ")
    with pytest.raises(RequestError):
        library.brief("SPY", date(2024, 6, 29))


def test_a_release_is_a_newer_period_and_no_revision(store: Store):
    day = datetime(2024, 3, 1, tzinfo=UTC)
    released(store, "X", date(2024, 1, 1), 10.0, day)
    released(store, "X", date(2024, 2, 1), 11.0, day.replace(month=4))
    released(store, "X", date(2024, 1, 1), 10.5, day.replace(month=4))
    released(store, "X", date(2024, 1, 1), 9.0, day.replace(month=5))
    newest, first = releases(store, day.replace(month=6), 10)
    assert (newest.row["value"], newest.before) == (11.0, 10.5)
    assert (first.row["value"], first.before) == (10.0, None)
    assert releases(store, day.replace(month=6), 1) == [newest]


@pytest.mark.parametrize(
    ("series", "value", "written"),
    [
        ("ICSA", 6_137_000.0, "6,137,000 persons"),
        ("PAYEMS", 151_310.0, "151,310 thousand persons"),
        ("NFCI", -0.00004, "-0.00004 standard deviations"),
        ("UNRATE", 3.9, "3.9 per cent"),
        ("CPIAUCSL", 313.131, "313.131"),
        ("USREC", 0.0, "0"),
    ],
)
def test_values_of_macro_series_are_written_out_with_the_unit_they_have(
    store: Store, series: str, value: float, written: str
):
    for month, one in ((1, value), (2, value)):
        public = datetime(2024, month + 1, 20, tzinfo=UTC)
        released(store, series, date(2024, month, 1), one, public)
    (newest, _) = releases(store, NOW, 10)
    before = written.partition(" ")[0]
    assert f", {series}: {written} for February 2024, after {before}, public on" in newest.words


def test_a_citation_resolves_to_its_row_whatever_the_key_contains(store: Store):
    day = datetime(2024, 3, 1, 12, 30, tzinfo=UTC)
    released(store, "A&B=1?é +/", date(2024, 1, 1), 10.0, day)
    (row,) = store.read(RAW_MACRO).to_pylist()
    citation = cite(RAW_MACRO, row)
    assert citation.startswith("raw.macro?series=A%26B")
    assert row_of(store, citation) == row


MALFORMED = [
    "", "?", "predictions_daily", "predictions_daily?symbol=SPY", "labels?x=1",
    "predictions_daily?session=2024-06-28&symbol=SPY&model_version=3",
    "predictions_daily?symbol=SPY&session=June&model_version=3", "../etc?symbol=1",
    "raw.market?symbol=SPY&session=2024-06-28&source=csv&ingested_at=2024-06-28T20:00:00+00:00",
]  # fmt: skip
OF_NO_ROW = [
    "predictions_daily?symbol=SPY&session=2024-06-28&model_version=4",
    "predictions_daily?symbol=..%2F..&session=2024-06-28&model_version=3",
    "runs?run_id=..%2Fx&part=all&name=har_rv", "runs?run_id=no&part=all&name=har_rv",
]  # fmt: skip


@pytest.mark.parametrize(
    ("citation", "error"),
    [*((one, RequestError) for one in MALFORMED), *((one, NotFound) for one in OF_NO_ROW)],
)
def test_a_citation_of_no_row_is_refused(desk: Store, citation: str, error: type[Exception]):
    with pytest.raises(error):
        row_of(desk, citation)


def test_a_line_of_skill_resolves_after_its_run_is_pruned_and_its_version_retired(desk: Store):
    cited = [
        citation for one in brief_of(desk).sentences if "Walking" in one.text
        for citation in one.citations
    ]  # fmt: skip
    assert len(cited) == 4
    version = json.loads(desk.objects.get("registry/champion.json"))
    del version["event"]
    other = version | {"version": "4", "run_id": "ef", "uri": "registry/volcast/4/", "event": 2}
    desk.objects.put("registry/champion.json", json.dumps(other).encode())
    for key in desk.objects.list("runs/"):
        desk.objects.delete(key)
    for citation in cited:
        assert row_of(desk, citation)["name"] == citation.rpartition("=")[2]
