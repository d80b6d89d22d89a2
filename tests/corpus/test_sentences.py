"""Sentences: where one ends, and where none does."""

import pytest

from volcast.brief.corpus.sentences import sentences

ENDS = "|"


@pytest.mark.parametrize(
    "marked",
    [
        "Rates rose.| Prices fell!| Why?| Nobody knows.",
        "The rate is 4.5 per cent, up from 4.25.| It was 3.0 in 2021.| 2022 was calmer.",
        "Mr. Renn and Dr. Voll spoke to Gov. Oskeld of St. Anne.| She agreed.",
        "J. R. Powell and M. Oskeld met.| They talked.",
        "He read vol. 3, pp. 7 and fig. 2 of no. 12.| He said no.| It was late.",
        "Banks, e.g. Ostrel, i.e. the largest, lend approx. 4 billion.| They lend more each year.",
        "It fell in the U.S. economy.| It fell in the U.S.| The rest grew.",
        "Acme Inc. reported a loss.| Shares of Acme Inc.| They fell.",
        "We met at 5 p.m.| The vote came on Jan. 5 and Dec. 16.",
        'He said: "We wait."| She said "No!"| (Both left.)| Then it rained.',
        "And so on ...| The end… | Or not.",
        "It closed at 4,300.50.| Volume was 3.2m.| The VIX fell.",
        "iPhones sold at 5. per piece, said e. the dealer.",
        "1. The rate stays.| It may rise.",
        "a) First item without an end",
        "The economy",
        "Über alles wurde geredet.| Ähnlich war es früher.",
    ],
)
def test_sentences_end_where_they_are_marked(marked):
    expected = [part.strip() for part in marked.split(ENDS)]
    assert sentences(marked.replace(ENDS, "")) == expected


def test_wrapped_lines_and_wide_spaces_are_one_space():
    assert sentences("The rate\nrose  to\t5 %.\n\nIt fell.") == [
        "The rate rose to 5 %.",
        "It fell.",
    ]


def test_nothing_has_no_sentences():
    assert sentences("") == sentences(" \n ") == []


def test_the_longest_text_is_split_in_the_time_of_its_length():
    # Were each mark to look at all of the text, this would take minutes.
    assert sentences("word " * 100_000) == [" ".join(["word"] * 100_000)]
    assert sentences("X. " * 200_000) == [("X. " * 200_000).strip()]
    assert len(sentences("Yes it is. " * 60_000)) == 60_000
