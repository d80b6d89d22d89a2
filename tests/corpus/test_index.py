"""What an index promises, of DuckDB and of PostgreSQL alike."""

import math
import threading
from datetime import date

import pytest

from volcast.brief.corpus import Changes, Passage, open_index
from volcast.brief.corpus.sentence_model import installed_model
from volcast.brief.corpus.terms import terms
from volcast.core.errors import ConfigError, ContractError


def document(name: str, *sentences: str, dated: date | None = None, title: str = "") -> Passage:
    return Passage(f"documents/{name}@0123456789ab#1", "document", title or name, sentences, dated)


def row(session: str, text: str) -> Passage:
    key = f"predictions_daily?symbol=SPY&session={session}"
    return Passage(key, "row", "forecast", (text,), date.fromisoformat(session))


RATES = document(
    "rates.txt",
    "The committee raised its policy rate to 4.50 per cent.",
    "Two members voted for no change.",
    dated=date(2021, 6, 16),
    title="Statement of the bank of 16 June 2021",
)
CATS = document("cats.txt", "A cat slept on the warm mat.", "It dreamt of mice.")
SHOPS = document("shops.txt", "Sales of shoes fell in spring.", dated=date(2021, 9, 1))
FORECAST = row("2021-06-16", "On 2021-06-16 the forecast of SPY was 12.3 %.")
LATER = row("2021-06-17", "On 2021-06-17 the forecast of SPY was 12.9 %.")
ALL = [RATES, CATS, SHOPS, FORECAST, LATER]


def test_an_index_that_was_never_made_holds_nothing(opened):
    index = opened()
    assert index.search("What did the committee decide?", 5) == []
    assert index.get(CATS.id) is None


def test_a_passage_is_found_by_its_words_and_by_its_meaning(opened):
    index = opened()
    index.refresh(ALL)
    assert index.search("What was the policy rate of 4 1/2 %?", 1)[0].passage == RATES
    # No word in common with the passage.
    assert index.search("Where did the kitten take a nap?", 1)[0].passage == CATS


def test_a_row_is_found_by_its_day_however_that_is_written(opened):
    index = opened()
    index.refresh(ALL)
    for day in ("16 June 2021", "June 16, 2021", "2021-06-16", "16.6.2021"):
        assert index.search(f"What was the forecast of SPY on {day}?", 1)[0].passage == FORECAST
    assert index.search("forecast of 17 June 2021", 1)[0].passage == LATER


def test_the_score_is_that_of_a_plain_computation(opened):
    index = opened()
    index.refresh(ALL)
    question = "What policy rate did the committee vote for in June 2021, and what of zebras?"
    asked = set(terms(question))
    bags = {each.id: terms(f"{each.title} {each.text}") for each in ALL}
    usual = sum(map(len, bags.values())) / len(ALL)
    weight = {}
    for term in asked:
        within = sum(term in bag for bag in bags.values())
        weight[term] = math.log(1 + (len(ALL) - within + 0.5) / (within + 0.5))
    model = installed_model()
    vector = model.embed([question])[0]
    expected = {}
    for each in ALL:
        bag = bags[each.id]
        share = 0.0
        for term in asked:
            times = bag.count(term)
            share += weight[term] * times / (times + 1.2 * (0.25 + 0.75 * len(bag) / usual))
        share /= sum(weight.values())
        titled = [f"{each.title}: {sentence}" for sentence in each.sentences]
        nearest = max(float(each) for each in model.embed(titled) @ vector)
        whole = float(model.embed([" ".join(each.sentences)])[0] @ vector)
        meant = (0.7 * share + 0.67 * nearest + 0.33 * whole) / 1.7
        # Each is the only passage of its document, and so the best one.
        expected[each.id] = share if each.source == "row" else meant
    found = index.search(question, 5)
    assert len(found) == 5
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert {hit.passage.id: hit.score for hit in found} == pytest.approx(expected, abs=1e-5)


def test_each_sentence_of_a_hit_has_its_likeness_and_a_row_has_none(opened):
    index = opened()
    index.refresh(ALL)
    question = "What did the committee do to the forecast of its policy rate?"
    hits = {hit.passage.id: hit for hit in index.search(question, 5)}
    model = installed_model()
    vector = model.embed([question])[0]
    titled = model.embed([f"{RATES.title}: {sentence}" for sentence in RATES.sentences])
    scored = hits[RATES.id].sentences
    assert tuple(each.text for each in scored) == RATES.sentences
    assert [each.likeness for each in scored] == pytest.approx(list(titled @ vector), abs=1e-5)
    assert [each.likeness for each in hits[FORECAST.id].sentences] == [None]


def test_no_more_are_returned_than_were_asked_for(opened):
    index = opened()
    index.refresh(ALL)
    assert len(index.search("the committee's policy rate", 2)) == 2


def test_as_of_a_day_later_passages_are_left_out_and_undated_ones_stay(opened):
    index = opened()
    index.refresh(ALL)
    found = index.search("forecast, rates, cats and shoes", 9, dated_to=date(2021, 6, 16))
    assert {hit.passage for hit in found} == {RATES, CATS, FORECAST}


def test_a_question_without_a_word_to_go_by_is_answered_by_likeness_alone(opened):
    index = opened()
    index.refresh(ALL)
    assert {hit.passage for hit in index.search("?", 9)} == {RATES, CATS, SHOPS}


def test_refreshing_holds_exactly_what_is_given(opened):
    index = opened()
    assert index.refresh([RATES, CATS, FORECAST]) == Changes(3, 0, 0, embedded=6)
    assert index.refresh([RATES, CATS, FORECAST]) == Changes(0, 0, 3, embedded=0)
    assert index.refresh([CATS, SHOPS]) == Changes(1, 2, 1, embedded=2)
    assert index.get(RATES.id) is None
    assert index.get(CATS.id) == CATS
    assert index.get(SHOPS.id) == SHOPS
    assert index.search("2021-06-16 forecast policy rate", 9)[0].passage in (CATS, SHOPS)
    assert index.refresh([]) == Changes(0, 2, 0, embedded=0)
    assert index.search("a cat", 3) == []


def test_a_sentence_that_was_embedded_before_is_not_embedded_anew(opened):
    index = opened()
    index.refresh([CATS])
    again = Passage(
        "documents/cats.txt@ffffffffffff#1",
        "document",
        CATS.title,
        (*CATS.sentences, "Then it woke."),
    )
    assert index.refresh([again]) == Changes(1, 1, 0, embedded=2)
    likeness = [each.likeness for each in index.search("Was it a cat?", 1)[0].sentences]
    fresh = installed_model().embed([f"cats.txt: {each}" for each in again.sentences])
    asked = installed_model().embed(["Was it a cat?"])[0]
    assert likeness == pytest.approx(list(fresh @ asked), abs=1e-5)


def test_a_row_that_says_something_else_under_its_key_is_replaced(opened):
    index = opened()
    index.refresh([FORECAST])
    restated = row("2021-06-16", "On 2021-06-16 the forecast of SPY was 99.9 %.")
    assert index.refresh([restated]) == Changes(1, 1, 0, embedded=0)
    assert index.get(FORECAST.id) == restated
    assert index.search("99.9", 1)[0].passage == restated
    assert index.search("12.3", 1) == []


def test_two_passages_of_one_id_are_refused_and_nothing_is_changed(opened):
    index = opened()
    index.refresh([CATS])
    with pytest.raises(ContractError, match=r"more than one passage has, documents/cats\.txt"):
        index.refresh([CATS, RATES, CATS])
    assert index.get(CATS.id) == CATS
    assert index.get(RATES.id) is None


def test_another_that_is_open_sees_what_was_refreshed(opened):
    writer, reader = opened(), opened()
    writer.refresh([CATS])
    assert reader.search("a cat", 1)[0].passage == CATS
    writer.refresh([SHOPS])
    assert reader.get(CATS.id) is None
    assert reader.search("sales of shoes", 1)[0].passage == SHOPS


def test_searches_during_refreshes_see_the_old_or_the_new_and_never_a_mixture(opened):
    old, new = [CATS, RATES], [SHOPS, LATER]
    writer = opened()
    writer.refresh(old)
    readers = [opened() for _ in range(2)]
    done = threading.Event()
    seen: list[frozenset[Passage]] = []
    faults: list[BaseException] = []

    def read(index) -> None:
        try:
            while not done.is_set():
                found = index.search("2021-06-17 forecast of cats, rates and shoes", 9)
                seen.append(frozenset(hit.passage for hit in found))
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=read, args=(index,)) for index in readers]
    for thread in threads:
        thread.start()
    for _ in range(6):
        writer.refresh(new)
        writer.refresh(old)
    done.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert set(seen) <= {frozenset(old), frozenset(new)}
    assert len(seen) > 5


def test_two_that_refresh_at_once_take_turns(opened):
    one, other = opened(), opened()
    threads = [
        threading.Thread(target=index.refresh, args=([each],))
        for index, each in ((one, CATS), (other, RATES))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = {each.id for each in (CATS, RATES) if one.get(each.id)}
    assert len(held) == 1
    assert len(one.search("cats and rates", 9)) == 1


def test_threads_may_share_one(opened):
    index = opened()
    index.refresh(ALL)
    found: list[Passage] = []
    threads = [
        threading.Thread(target=lambda: found.append(index.search("a cat on a mat", 1)[0].passage))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CATS] * 8


def test_odd_characters_are_kept_as_they_are(opened):
    index = opened()
    odd = document("o'dd\t$terms %s\\.txt", 'It\'s 5 % of {x} \\ "y", naïve 東京 🎉 $1 --;', "\\N")
    index.refresh([odd])
    assert index.get(odd.id) == odd
    assert index.search("o'dd $terms %(x)s 東京'; DROP TABLE passages", 1)[0].passage == odd


@pytest.mark.parametrize("place", ["", "  ", "mysql://host/base", "s3://bucket/index"])
def test_a_place_of_another_kind_is_refused(place):
    with pytest.raises(ConfigError, match=r"expected a file's path or postgresql://"):
        open_index(place)


def test_questions_are_answered_while_sentences_are_embedded(opened):
    index = opened()
    index.refresh(ALL)
    many = [
        document(f"many-{n}.txt", *(f"Fact {n} is that {m} is no prime." for m in range(8)))
        for n in range(80)
    ]
    writing = threading.Thread(target=index.refresh, args=([*ALL, *many],))
    writing.start()
    answered = 0
    while writing.is_alive():
        assert index.search("Where did the kitten take a nap?", 1)[0].passage == CATS
        answered += 1
    writing.join()
    assert answered >= 3
    assert index.get(many[79].id) == many[79]
