"""The report: one page that says what was found, whether it flatters or not."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.markets import labelled_rows
from volcast.evaluation.ablation import Ablation
from volcast.evaluation.findings import Findings
from volcast.evaluation.report import render
from volcast.evaluation.survey import render_survey
from volcast.evaluation.walkforward import walk_forward

VOID = {"meta", "br"}


class Structure(HTMLParser):
    """Checks that tags close in order, and gathers titles and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.titles, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)
        self.text.append(data)


@pytest.fixture(scope="module")
def found() -> Findings:
    rows = labelled_rows(6)
    calm = 1 / (1 + np.exp(3 * (rows["g5_less_g252"] + 0.2)))
    split = {"calm": calm, "normal": (1 - calm) * 0.4, "stressed": (1 - calm) * 0.6}
    rows = rows.assign(**{f"{k}_{s}": v for k in ("gmm", "hmm") for s, v in split.items()})
    walked = walk_forward(rows, 7)
    sessions = rows["session"]
    found = Findings("SYN", sessions.iloc[0], sessions.iloc[-1], walked.rows, rows, walked.blend)
    one = Ablation("macro", "added", "all", 700, 0.31, 0.30, -0.033, 0.9)
    return replace(found.with_regime_skill(), ablations=[one])


@pytest.fixture(scope="module")
def page(found) -> str:
    return render(found)


def test_every_section_is_there_and_the_markup_closes(page):
    structure = Structure(page)
    assert structure.open == []
    for wanted in (
        "Bias, and the set of models that may be the best", "Year by year", "Crises",
        "By the level of VIX", "By regime", "Without overlap", "Intervals, year by year",
        "Regimes", "What each group of features is worth",
    ):  # fmt: skip
        assert wanted in structure.titles


def test_each_plot_says_what_it_shows_and_draws_something(page):
    plots = re.findall(r"<svg .*?</svg>", page, flags=re.S)
    assert len(plots) == 5
    for plot in plots:
        assert "role='img'" in plot
        assert "<title>" in plot
        assert re.search(r"<(polyline|rect|circle|polygon) ", plot)
        assert "nan" not in plot


def test_the_page_asks_nothing_of_any_other_place(page):
    assert not re.search(r"https?:|src=|url\(|<script|<link|@import", page)


def test_the_same_findings_give_the_same_bytes(found, page):
    assert render(found) == page


def test_the_verdict_names_what_the_forecast_does_not_beat(found):
    worse = found.whole.assign(forecast=found.whole["har_x"] * 1.3)
    verdict = Structure(render(replace(found, whole=worse))).text
    said = next(text for text in verdict if text.startswith("Walking forward"))
    assert "does NOT beat har_x" in said or "har_x" in said.partition("does NOT beat")[2]


def test_a_session_before_the_first_shown_is_in_no_table(found):
    later = found.whole["session"].iloc[-200]
    text = Structure(render(replace(found, first=later))).text
    counted = next(t for t in text if " sessions, " in t and "same rows" in t)
    scored = found.whole[(found.whole["session"] >= later) & found.whole["rv_5d"].notna()]
    assert counted.startswith(f"{len(scored)} sessions, {later}")


def test_without_regimes_or_a_model_the_rest_still_stands(found):
    bare = found.features.assign(**dict.fromkeys([c for c in found.features if "mm_" in c], np.nan))
    titles = Structure(
        render(replace(found, features=bare, blend=None, regimes=(), ablations=()))
    ).titles
    assert "Regimes" not in titles
    assert "Year by year" in titles


def test_the_survey_names_each_symbol_and_what_it_does_not_beat(found):
    rows = found.rows.reset_index(drop=True)
    other = rows.assign(symbol="OTHER", forecast=rows["har_x"] * 1.3)
    page = render_survey({"SYN": rows, "OTHER": other})
    structure = Structure(page)
    assert structure.open == []
    assert "har_x on OTHER" in "".join(structure.text)
    assert "har_x on SYN" not in "".join(structure.text)
