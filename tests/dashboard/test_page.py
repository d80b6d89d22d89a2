"""The page in a real browser: its structure, its looks and its use by keyboard."""

import re
from itertools import pairwise

import pytest

from tests.dashboard.browser import visiting

# A browser drops its requests when the network changes, as it does when a container begins.
pytestmark = pytest.mark.xdist_group("interfaces")


@pytest.fixture
def page(browser, full):
    with visiting(browser, full) as page:
        yield page


def test_headings_and_tables_have_the_structure_that_a_screen_reader_needs(page):
    assert page.locator("html").get_attribute("lang") == "en"
    levels = [int(h.evaluate("h => h.tagName[1]")) for h in page.locator("h1, h2, h3").all()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(new - old <= 1 for old, new in pairwise(levels))
    for table in page.locator("table").all():
        caption = table.locator("caption").text_content()
        assert caption.strip()
        heads = table.locator("thead th").all_text_contents()
        assert len(set(heads)) == len(heads), caption
        rows = table.locator("tbody tr").count()
        assert table.locator("tbody tr > th[scope=row]:first-child").count() == rows, caption


def test_each_chart_is_drawn_and_described_in_text(page):
    for words, least in {
        "the newest 13.1 %": 100, "Stressed since 14 Jun 2024": 6, "QLIKE loss by month": 20,
    }.items():  # fmt: skip
        figure = page.locator("figure", has_text=words.replace(" %", "\xa0%"))
        assert figure.locator("svg:visible :is(path, line, text)").count() > least, words
    newest = page.locator("figure").first.locator("div:visible title").all_text_contents()[-1]
    assert newest == "28 Jun 2024: 13.1 %, 80 % 8.6 to 20.1 %; realized not known yet"


@pytest.mark.parametrize(
    ("switch", "choice", "text"),
    [
        ("Span", "5 years", "3 Jan 2023 - 28 Jun 2024: 369 forecasts"),
        ("Loss", "RMSE", "RMSE loss by month"),
        ("Symbol", "QQQ", "QQQ, annualised volatility over the next five sessions"),
    ],
)
def test_a_switch_is_used_by_keyboard_alone(page, switch, choice, text):
    link = page.locator(f'nav[aria-label="{switch}"] a', has_text=choice)
    for _ in range(20):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    assert link.evaluate("link => getComputedStyle(link).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.locator("main", has_text=text).wait_for()
    assert link.get_attribute("aria-current") == "true"


def test_a_chart_is_also_a_table_that_opens_by_keyboard(page):
    page.locator("summary", has_text="The forecasts as a table").focus()
    page.keyboard.press("Enter")
    table = page.locator("table", has=page.locator("caption", has_text="The newest 247 of 247"))
    table.wait_for()
    cells = table.locator("tbody tr").first.locator("th, td").all_inner_texts()
    assert [cell.replace("\xa0", " ") for cell in cells] == [
        "2024-06-28", "published", "13.1 %", "8.6 to 20.1 %", "7.0 to 26.1 %", "",
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_light_or_dark_as_the_system_is_and_is_legible_in_both(browser, full, scheme):
    with visiting(browser, full, color_scheme=scheme) as page:
        ground = colour(page, "body", "backgroundColor")
        assert (luminance(ground) < 0.2) == (scheme == "dark")
        for text in ("h1", "figcaption", "dd", "table td", "summary"):
            assert contrast(colour(page, text, "color"), ground) >= 7, text
        labels = page.locator("figure div:visible svg text").all()
        assert len(labels) > 20
        for label in labels:
            fill = parsed(label.evaluate("e => getComputedStyle(e).fill"))
            assert contrast(fill, ground) >= 4.5, label.inner_html()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_cut_at_any_width(browser, full, width):
    with visiting(browser, full, viewport={"width": width, "height": 844}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        outside = page.evaluate(
            "[...document.querySelectorAll('.bars th, .bars td, figure div:not([hidden]) text')]"
            ".map(e => [e.textContent, e.getBoundingClientRect()])"
            f".filter(([_, r]) => r.width && (r.left < 0 || r.right > {width}))"
        )
        assert outside == []
        for name in ("calm", "normal", "stressed"):
            assert page.locator("figure svg:visible text", has_text=name).count() == 1


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
