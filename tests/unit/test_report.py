"""The report: one page of what an evaluation shows, favourable or not."""

import base64
import json
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import vl_convert

from tests.dashboard.browser import chromium
from tests.markets import labelled_rows, with_regimes
from volcast.evaluation.ablation import Ablation
from volcast.evaluation.charts import regimes, scripts, shap_plot
from volcast.evaluation.evaluate import EvaluationResult
from volcast.evaluation.folds import usable
from volcast.evaluation.report import render
from volcast.evaluation.splits import on_common_rows, overall
from volcast.evaluation.symbols import render_comparison
from volcast.evaluation.table import compare
from volcast.evaluation.walkforward import walk_forward
from volcast.evaluation.words import TITLES, better_choice, span, versus, why_fewer
from volcast.features.catalog import label

VOID = {"meta", "br", "img"}


class Structure(HTMLParser):
    """Checks that tags close in order, and gathers titles and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.titles, self.text, self.links, self.ids = [], [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if (tag, name) == ("a", "href")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)
        self.text.append(data)


@pytest.fixture(scope="module")
def result() -> EvaluationResult:
    rows = with_regimes(labelled_rows(6))
    walked = walk_forward(rows, 7)
    sessions = rows["session"]
    result = EvaluationResult(
        "SYN", sessions.iloc[0], sessions.iloc[-1], walked.rows, rows, walked.blend, "VXN"
    )
    one = Ablation("macro", "added", "all", 700, 0.31, 0.30, -0.033, 0.9)
    return replace(result.with_regime_skill(), ablations=[one])


@pytest.fixture(scope="module")
def page(result) -> str:
    return render(result)


def test_every_section_is_there_and_linked_from_the_top_and_the_markup_closes(page):
    structure = Structure(page)
    assert structure.open == []
    assert {
        "Bias, and the set of models that may be the best", "Year by year",
        "By the level of VIX", "By regime", "Without overlap", "Intervals, year by year",
        "What moves the forecast", "The last forecast, by feature",
        "Price and the regime of each session", "What each group of features is worth",
    } <= set(structure.titles)  # fmt: skip
    assert len(structure.links) == len(structure.titles)
    assert {link.removeprefix("#") for link in structure.links} < set(structure.ids)
    assert len(set(structure.ids)) == len(structure.ids)
    assert page.index("id='skill'") < page.index("<div class='wide'")


def test_each_chart_is_valid_and_draws_its_marks(page):
    charts = re.findall(r"<script>drawChart\('#([\w-]+)', (.*?)\)</script>", page, flags=re.S)
    assert [name for name, _ in charts] == ["skill", "fan", "gain-by-year", "coverage", "regimes"]
    for name, spec in charts:
        svg = vl_convert.vegalite_to_svg(json.loads(spec) | {"width": 600})
        assert f"id='{name}' role='img' aria-label=" in page
        assert svg.count("<path") > 4
        assert "NaN" not in svg


def test_the_page_loads_nothing_from_elsewhere(page):
    assert page.count("window.drawChart=") == 1
    own = page.replace(scripts(), "")
    assert not re.search(r"https?:|src='(?!data:)|url\(|<link|@import", own)
    assert len(page) < 2_500_000


@pytest.mark.slow
def test_on_a_telephone_skill_is_whole_and_the_text_of_charts_readable(page):
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": 390, "height": 844})
        shown.set_content(page)
        shown.wait_for_selector("#regimes svg")
        tables = shown.locator("section[id='section-all-sessions'] .wide")
        assert tables.evaluate("e => e.scrollWidth - e.clientWidth") == 0
        texts = shown.locator("#skill svg text").all()
        sizes = [text.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") for text in texts]
        assert min(sizes) >= 12


def labels(page: str, kind: str) -> list[str]:
    """The texts of an image of shap's in a page, without blanks."""
    image = re.search(
        f"<img id='{kind}' alt='[^']+' src='data:image/svg.xml;base64,([^']+)'>", page
    )
    root = ElementTree.fromstring(base64.b64decode(image[1]))  # noqa: S314
    texts = root.iter("{http://www.w3.org/2000/svg}text")
    return ["".join("".join(text.itertext()).split()) for text in texts]


def test_the_plots_of_shap_name_the_largest_features(result, page):
    recipe = result.blend.recipe
    x = usable(result.features, recipe)[list(recipe.features)].to_numpy(dtype=float)
    contributions = np.abs(result.blend.explain(x[-504:]).contributions)
    for kind, size in (("beeswarm", contributions.mean(axis=0)), ("waterfall", contributions[-1])):
        names = [label(recipe.features[i]).replace(" ", "") for i in np.argsort(-size)[:11]]
        assert set(names) < {text.split("=")[-1] for text in labels(page, kind)}


def test_the_index_of_implied_volatility_is_named_next_to_the_drivers(page):
    section = page[page.index("id='section-what-moves-the-forecast'") :]
    assert "VXN" in section[: section.index("</section>")].split("</div>")[-1]


def test_the_waterfall_leads_from_the_base_to_the_forecast(result):
    x = result.features[list(result.blend.recipe.features)].dropna().tail(3).to_numpy(dtype=float)
    why = result.blend.shap_explanation(x)
    text = labels(shap_plot("waterfall", "Last", why[-1]), "waterfall")
    numbers = [float(t.split("=")[1].replace("\u2212", "-")) for t in text if re.match(r"\W*=", t)]
    assert float(result.blend.log_variance(x)[-1]) == pytest.approx(numbers[-1], abs=1e-3)
    assert float(why.base_values[-1]) == pytest.approx(numbers[0], abs=1e-3)


def test_regimes_are_drawn_in_runs_that_meet():
    days = pd.Series(pd.bdate_range("2020-01-01", periods=6).date)
    chart = regimes(
        days,
        [100.0, 50.0, 80.0, 90.0, 95.0, 99.0],
        ["", "calm", "calm", "stressed", "calm", "calm"],
    )
    bands = next(v for v in chart.to_dict()["datasets"].values() if "regime" in v[0])
    spans = [(b["regime"], b["start"][:10], b["end"][:10]) for b in bands]
    assert spans == [
        ("a calm market", "2020-01-02", "2020-01-06"),
        ("a stressed market", "2020-01-06", "2020-01-07"),
        ("a calm market", "2020-01-07", "2020-01-08"),
    ]
    price = chart.to_dict()["layer"][1]["encoding"]["y"]
    assert price["scale"]["domain"] == [50, 100]
    assert price["title"]


def test_the_same_result_gives_the_same_bytes_whatever_the_random_state(result, page):
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    assert render(result) == page
    assert np.random.get_state()[1].tolist() == before


def test_the_parts_of_a_page_are_counted(result, page):
    calls: list[tuple[str, int, int]] = []
    assert render(result, lambda *counts: calls.append(counts)) == page
    (what,), (total,) = {what for what, *_ in calls}, {total for *_, total in calls}
    assert calls == [(what, done, total) for done in range(total)]


def test_the_first_paragraph_compares_with_the_baselines_and_calls_a_loss_one(result):
    worse = result.all_rows.assign(forecast=result.all_rows["har_x"] * 1.3)
    skill = compare(worse)
    page = render(replace(result, all_rows=worse)).replace("\u00a0", " ")
    first = re.search(r"<p class='lead'>(.*?)</p>", page)[1]
    assert f"{skill.rows:,} sessions from {skill.first} to {skill.last}" in first
    assert skill.line("har_x").gain < 0
    for name in ("har_rv", "har_x", "vix"):
        assert escape(versus(skill.line(name))) in first


def test_a_symbol_that_log_har_forecasts_better_is_named_on_report_and_comparison(result):
    worse = result.all_rows.assign(forecast=result.all_rows["log_har"] * 1.3)
    advice = escape(better_choice(overall(worse)))
    first = re.search(r"<p class='lead'>(.*?)</p>", render(replace(result, all_rows=worse)))[1]
    assert advice
    assert advice in first.replace("\u00a0", " ")
    rows = worse.reset_index(drop=True).assign(iv_symbol=None)
    assert advice in render_comparison({"SYN": rows})
    assert better_choice(overall(result.rows)) == ""


def test_a_baseline_that_begins_late_is_compared_where_it_exists(result):
    late = result.all_rows.copy()
    late.loc[late.index < len(late) - 300, ["har_x", "vix"]] = np.nan
    common = on_common_rows(late)
    page = render(replace(result, all_rows=late)).replace("\u00a0", " ")
    first = re.search(r"<p class='lead'>(.*?)</p>", page)[1]
    assert first.startswith(f"Walking forward over {span(common)}")
    assert escape(versus(common.line("har_x"))) in first
    assert escape(why_fewer({"all": compare(late), "all_baselines": common})) in first
    titles = Structure(page).titles
    assert titles.index(TITLES["all_baselines"]) < titles.index(TITLES["all"])


def test_a_session_before_the_first_shown_is_in_no_table(result):
    later = result.all_rows["session"].iloc[-200]
    text = Structure(render(replace(result, first=later))).text
    limits = next(t for t in text if "same rows" in t)
    shown = result.all_rows["session"] >= later
    count = (shown & result.all_rows["rv_5d"].notna()).sum()
    assert limits.startswith(f"{count} sessions from {later}")


def test_without_regimes_or_a_model_the_rest_is_shown(result):
    states = [column for column in result.features if "mm_" in column]
    bare = result.features.assign(**dict.fromkeys(states, np.nan))
    less = replace(result, features=bare, blend=None, regimes=(), ablations=())
    titles = Structure(render(less)).titles
    assert "Price and the regime of each session" not in titles
    assert "What each group of features is worth" not in titles
    assert "Year by year" in titles


def test_the_comparison_links_to_each_report_and_names_losses_and_implied_volatility(result):
    rows = result.rows.reset_index(drop=True)
    other = rows.assign(symbol="^O", forecast=rows["har_x"] * 1.3, iv_symbol="VXN")
    structure = Structure(render_comparison({"SYN": rows.assign(iv_symbol=None), "^O": other}))
    assert structure.open == []
    assert {"SYN/report.html", "%5EO/report.html"} <= set(structure.links)
    sentences = "".join(structure.text)
    assert f"SYN, implied volatility none, {span(compare(rows))}: " in sentences
    assert "^O, implied volatility VXN" in sentences
    assert versus(compare(other).line("har_x")) in sentences
    assert versus(compare(rows).line("har_x")) in sentences
