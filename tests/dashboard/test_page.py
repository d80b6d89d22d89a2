"""The page in a real browser: its text, its charts and its use by keyboard."""

import re
from datetime import date
from itertools import pairwise

import pytest

from tests.dashboard.browser import CHARTS, ready, visiting
from tests.dashboard.stores import HEADLINE, PUBLISHED, SESSIONS

# A browser drops its requests when the network changes, as it does when a container begins.
pytestmark = pytest.mark.xdist_group("interfaces")

MARKS = "[data-testid=stVegaLiteChart] :is(svg.marks, canvas.marks)"

# Between the walk forward and the first published forecast lie five sessions without one.
GAP = {f"{day:%-d %b %Y}" for day in SESSIONS[-45 : -len(PUBLISHED)]}


@pytest.fixture
def page(browser, full):
    with visiting(browser, full) as visit:
        ready(visit.page, CHARTS)
        yield visit.page


def chart(page, words):
    return page.locator(f'[data-testid=stVegaLiteChart][aria-label*="{words}"]')


def text_of(page):
    return page.locator(".stMainBlockContainer").inner_text().replace("\xa0", " ")


def test_the_headline_and_its_facts_are_the_newest_forecast(page):
    assert page.locator("h1").all_inner_texts() == [HEADLINE]
    assert page.title() == "volcast"
    assert page.locator("html").get_attribute("lang") == "en"
    pairs = page.locator(".v-facts").first.locator("div").all_inner_texts()
    facts = dict(pair.replace("\xa0", " ").split("\n") for pair in pairs)
    assert facts["As of the close of"] == "28 Jun 2024"
    assert facts["Model version"] == "3"
    assert (facts["HAR-RV"], facts["VIX"]) == ("20.0 %", "15.4 %")
    assert facts["Probability of calm"] == "91.0 %"


def test_headings_and_tables_have_the_structure_that_a_screen_reader_needs(page):
    levels = [int(h.evaluate("h => h.tagName[1]")) for h in page.locator("h1, h2, h3").all()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(new - old <= 1 for old, new in pairwise(levels))
    for table in page.locator("table.v").all():
        caption = table.locator("caption").text_content()
        assert caption.strip()
        heads = table.locator("thead th").all_text_contents()
        assert len(set(heads)) == len(heads), caption
        rows = table.locator("tbody tr").count()
        assert table.locator("tbody tr > th[scope=row]:first-child").count() == rows, caption


def test_each_chart_is_drawn_and_described_in_text(page):
    assert page.locator(MARKS).count() == CHARTS
    for words, least in {
        "the newest 13.1 %": 100, "An average day": 8, "Stressed since 14 Jun 2024": 6,
        "QLIKE by month": 20,
    }.items():  # fmt: skip
        marks = chart(page, words).locator("svg.marks :is(path, line, text)")
        assert marks.count() > least, words
        description = chart(page, words).get_attribute("aria-label")
        assert description.replace(" %", "\xa0%") in page.locator(".v-text").all_inner_texts()


def test_the_span_is_switched_by_keyboard_alone(page):
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('[aria-label=Span]') !== null"):
            break
    else:
        pytest.fail("Tab does not lead to the switch of spans")
    ring = page.evaluate(
        "(() => { const e = document.activeElement.closest('label');"
        "  const all = [e, ...e.querySelectorAll('*')].map(x => getComputedStyle(x));"
        "  return all.some(s => s.outlineStyle !== 'none' || s.boxShadow !== 'none') })()"
    )
    assert ring, "the focus is not seen"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    chart(page, "3 Jan 2023 - 28 Jun 2024: 369 forecasts").wait_for()
    ready(page, CHARTS)


def test_the_loss_is_switched_by_keyboard_alone(page):
    page.locator("[aria-label=Loss] input").first.focus()
    page.keyboard.press("ArrowRight")
    chart(page, "RMSE by month").wait_for()
    assert chart(page, "QLIKE by month").count() == 0


def test_a_chart_is_also_a_table_that_opens_by_keyboard(page):
    page.locator("summary", has_text="The forecasts as a table").focus()
    page.keyboard.press("Enter")
    table = page.locator("table", has=page.locator("caption", has_text="The newest 247 of 247"))
    table.wait_for()
    cells = table.locator("tbody tr").first.locator("th, td").all_inner_texts()
    assert [cell.replace("\xa0", " ") for cell in cells] == [
        "2024-06-28", "published", "13.1 %", "8.6 - 20.1 %", "7.0 - 26.1 %", "",
    ]  # fmt: skip


def test_another_symbol_is_another_headline_and_is_in_the_address(page, browser, full):
    page.locator("[aria-label=Symbol] input").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator("h1", has_text="QQQ").wait_for()
    page.wait_for_url("**symbol=QQQ*")
    assert "22.2 % (+8.2 from yesterday)" in page.locator("h1").inner_text()
    with visiting(browser, f"{full}/?symbol=QQQ") as visit:
        assert visit.page.locator("h1").inner_text().startswith("QQQ, next five")
    with visiting(browser, f"{full}/?symbol=<b>XYZ") as visit:
        assert "There is no forecast of <b>XYZ; this is SPY." in text_of(visit.page)


def test_scores_watch_and_card_are_those_of_the_store(page):
    # Forecasts of .15 throughout; HAR-RV is .2, VIX .154, outcomes are spread around .15.
    scores = page.locator(".v-notice", has_text="Over this span").inner_text()
    assert "better than HAR-RV" in scores
    assert "not better than VIX by QLIKE" in scores
    text = text_of(page)
    for part in (
        "▲ regime-shift on 28 Jun 2024: VIX explains it.", "implied volatility (iv)",
        "✓ same on 28 Jun 2024: p .4 of being worse against HAR-RV.",
        "On 28 Jun 2024: not needed: drift regime-shift, error same.", "✓ up to date",
        "<b>two rows</b> are odd",  # never markup
        "blend 0123abcd", "beefcafebeef", "79.8 % (of 80 %) and 94.5 % (of 95 %)",
    ):  # fmt: skip
        assert part in text
    assert re.search(r"volcast-daily-inference\s+✕ failed\s+28 Jun 2024 22:00 UTC", text)
    assert re.search(r"HAR-RV\s+0.432\s+7.55\s+\+19.2 %\s+< .0001", text)
    assert re.search(r"2024-05-31 22:00\s+promote\s+none → 3\s+ana\s+run cd passed the gate", text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_light_or_dark_as_the_system_is_and_is_legible_in_both(browser, full, scheme):
    with visiting(browser, full, color_scheme=scheme) as visit:
        ready(visit.page, CHARTS)
        ground = colour(visit.page, '[data-testid="stApp"]', "backgroundColor")
        assert (luminance(ground) < 0.2) == (scheme == "dark")
        for text in ("h1.v-headline", ".v-text", ".v-facts dd", "table.v td", "summary"):
            assert contrast(colour(visit.page, text, "color"), ground) >= 7, text
        for label in visit.page.locator(f"{MARKS} text").all()[:200]:
            fill = parsed(label.evaluate("e => getComputedStyle(e).fill"))
            assert contrast(fill, ground) >= 4.5, label.inner_html()


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_sessions_keep_their_day_in_every_time_zone(browser, full, zone):
    with visiting(browser, full, timezone_id=zone) as visit:
        ready(visit.page, CHARTS)
        labels = chart(visit.page, "the newest 13.1 %").locator("[aria-label*='as of']")
        days = {re.search(r"as of: (\d+ \w+ \d+)", label.get_attribute("aria-label"))[1]
                for label in labels.all()}  # fmt: skip
    assert days == {f"{day:%-d %b %Y}" for day in SESSIONS if day >= date(2023, 6, 29)} - GAP


def colour(page, selector, name):
    return parsed(page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{name}"))


def parsed(text):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def luminance(rgb):
    """WCAG 2.2's relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in (part / 255 for part in rgb)]  # fmt: skip
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
