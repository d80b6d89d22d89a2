"""Terms: one way to write what is written in many."""

import pytest

from volcast.brief.corpus.terms import terms

DAY = ["d20210616", "m202106", "june", "2021"]


@pytest.mark.parametrize(
    "written",
    [
        *("16 June 2021", "June 16, 2021", "2021-06-16", "20210616", "the 16th of June, 2021"),
        *("Jun. 16 2021", "16-Jun-2021", "6/16/2021", "16.06.2021", "16/6/2021"),
        "JUNE 16TH, 2021",
    ],
)
def test_a_date_is_the_same_terms_however_it_is_written(written):
    assert terms(written) == DAY


@pytest.mark.parametrize("written", ["June 2021", "Jun 2021", "2021-06", "June of 2021"])
def test_a_month_is_a_term_that_its_days_have_too(written):
    assert terms(written) == DAY[1:]


@pytest.mark.parametrize("written", ["15-16 June 2021", "June 15–16, 2021", "15 and 16 June 2021"])
def test_a_meeting_of_two_days_has_both(written):
    assert terms(written) == ["d20210615", *DAY]


def test_of_a_date_in_strokes_the_month_is_first_where_it_can_be():
    assert terms("1/2/2021")[0] == "d20210102"
    assert terms("13/2/2021")[0] == "d20210213"


@pytest.mark.parametrize("written", ["2021-13-45", "31/02/2021", "30 February 2021"])
def test_what_is_no_day_is_no_date(written):
    assert not [term for term in terms(written) if term[0] in "d"]


@pytest.mark.parametrize(
    "written",
    ["4.50 per cent", "4.5%", "4 1/2", "4-1/2 percent", "4½ %", "4.500", "04.5 pct", "4 2/4"],
)
def test_a_number_is_one_term_however_it_is_written(written):
    assert terms(written) == ["4.5"]


def test_numbers_stand_apart_and_lose_only_what_says_nothing():
    assert terms("1,234,567.80") == ["1234567.8"]
    assert terms("4-1/4 to 4¾") == ["4.25", "4.75"]
    assert terms("100 and 0.10 and 1/4 and .25") == ["100", "0.1", "0.25", "0.25"]
    assert terms("a vote of 5-2") == ["vote", "5", "2"]


@pytest.mark.parametrize("written", ["25 basis points", "25bp", "25 bps", "25 basis-points"])
def test_basis_points_are_one_unit(written):
    assert terms(written) == ["25", "bp"]


def test_words_are_lower_case_without_accents_and_stemmed():
    assert terms("Forecasts") == terms("forecasting") == terms("FORECASTED")
    assert terms("Café") == terms("cafe")
    assert terms("volatility's") == terms("volatilities")
    assert terms("U.S.") == ["us"]
    assert terms("S&P 500") == ["sp", "500"]
    assert terms("high-frequency") == terms("high frequency")


def test_words_that_say_nothing_are_left_out():
    assert terms("What was it that they did to the and of?") == []
    assert terms("") == terms(" ?!… ") == []


def test_a_word_without_end_is_cut():
    assert [len(term) for term in terms("x" * 100_000 + " " + "9" * 100_000)] == [40, 40]
