"""Who may ask for a training run, on what evidence, and how often."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pandas as pd
import pytest

from tests.contract_rows import contract_rows
from volcast.core import calendar
from volcast.core.errors import ModelError
from volcast.core.settings import Universe
from volcast.monitoring.retrain import DAILY, Decision, ask, decide, last_asked, withdraw
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY, MONITORING_PERFORMANCE, MONITORING_RETRAIN

UNIVERSE = Universe(target="SPY")
DAY = date(2020, 6, 1)
OBJECT = "monitoring/retrain/SPY.json"


def later(sessions: int) -> date:
    return calendar.after(DAY, sessions)


def evidence(store: Store, drift: str = "ok", error: str = "same", *, day: date = DAY) -> None:
    verdict = contract_rows(MONITORING_DRIFT_DAILY, ["SPY"], [day]).to_pandas()
    verdict = verdict.assign(subject="verdict", state=drift, detail="g5 moved")
    # Evidence of a subject is no verdict, whatever it says.
    of_one = verdict.assign(subject="g5", state="drift")
    store.write(MONITORING_DRIFT_DAILY, pd.concat([verdict, of_one]))
    row = contract_rows(MONITORING_PERFORMANCE, ["SPY"], [day]).to_pandas()
    store.write(MONITORING_PERFORMANCE, row.assign(state=error, detail="+40 %"))


def row(store: Store, day: date = DAY) -> dict[str, object]:
    return store.read(MONITORING_RETRAIN, first=day, last=day).to_pylist()[0]


@pytest.mark.parametrize(
    ("drift", "error", "asked"),
    [
        ("drift", "same", True),
        ("ok", "worse", True),
        ("regime-shift", "same", False),
        ("data-fault", "same", False),
        ("not-run", "better", False),
        ("regime-shift", "worse", True),
        ("ok", "too-few", False),
    ],
)
def test_only_drift_or_a_worse_error_asks(
    store: Store, drift: str, error: str, asked: bool
) -> None:
    evidence(store, drift, error)
    decision = decide(store, UNIVERSE, DAY)
    assert decision.asked is asked
    written = row(store)
    assert (written["wanted"], written["asked"]) == (asked, asked)
    assert (written["drift_state"], written["error_state"]) == (drift, error)
    assert written["asked_by"] == (DAILY if asked else None)


def test_a_session_without_evidence_asks_for_nothing(store: Store) -> None:
    assert decide(store, UNIVERSE, DAY).asked is False
    assert (row(store)["drift_state"], row(store)["error_state"]) == ("not-run", "too-few")


def test_it_says_why(store: Store) -> None:
    evidence(store, "drift", "worse")
    assert decide(store, UNIVERSE, DAY).reason == ("drift: g5 moved; realized error worse: +40 %")


@pytest.mark.parametrize(("sessions", "asked"), [(1, False), (4, False), (5, True)])
def test_the_next_request_waits_five_sessions(store: Store, sessions: int, asked: bool) -> None:
    evidence(store, error="worse")
    evidence(store, error="worse", day=later(sessions))
    assert decide(store, UNIVERSE, DAY).asked
    second = decide(store, UNIVERSE, later(sessions))
    assert (second.asked, second.last_asked) == (asked, DAY)
    assert row(store, later(sessions))["wanted"] is True


def test_decided_again_the_answer_and_the_bytes_are_the_same(store: Store) -> None:
    evidence(store, error="worse")
    first = decide(store, UNIVERSE, DAY)
    held = {key: store.objects.get(key) for key in store.objects.list("monitoring")}
    ask(store, UNIVERSE, later(5), by="alert", reason="later")
    held[OBJECT] = store.objects.get(OBJECT)
    assert decide(store, UNIVERSE, DAY) == first
    assert {key: store.objects.get(key) for key in store.objects.list("monitoring")} == held


def test_a_run_killed_before_it_wrote_its_row_finds_its_own_request(store: Store) -> None:
    evidence(store, error="worse")
    first = decide(store, UNIVERSE, DAY)
    table = store.objects.list("monitoring.retrain/")
    content = store.objects.get(table[0])
    store.objects.delete(table[0])
    assert decide(store, UNIVERSE, DAY) == first
    assert store.objects.get(table[0]) == content


def test_what_was_asked_for_stands_when_the_evidence_is_gone(store: Store) -> None:
    evidence(store, "drift")
    first = decide(store, UNIVERSE, DAY)
    evidence(store, "ok")
    assert decide(store, UNIVERSE, DAY) == first
    assert row(store)["drift_state"] == "drift"


def test_other_evidence_is_decided_anew(store: Store) -> None:
    decide(store, UNIVERSE, DAY)
    evidence(store, error="worse")
    assert decide(store, UNIVERSE, DAY).asked


def test_the_second_to_ask_for_a_session_is_refused(store: Store) -> None:
    first = ask(store, UNIVERSE, DAY, by="alert", reason="drift")
    assert first == Decision(True, None, "drift")
    assert not ask(store, UNIVERSE, DAY, by="alert", reason="drift").asked
    evidence(store, "drift")
    decision = decide(store, UNIVERSE, DAY)
    assert (decision.asked, decision.last_asked) == (False, DAY)
    assert row(store)["wanted"] is True


def test_an_earlier_session_does_not_ask_after_a_later_one(store: Store) -> None:
    ask(store, UNIVERSE, later(9), by="alert", reason="drift")
    refused = ask(store, UNIVERSE, DAY, by=DAILY, reason="drift")
    assert (refused.asked, refused.last_asked) == (False, later(9))


def test_targets_do_not_wait_for_each_other(store: Store) -> None:
    assert ask(store, UNIVERSE, DAY, by="alert", reason="").asked
    assert ask(store, Universe(target="QQQ"), DAY, by="alert", reason="").asked


def test_of_callers_that_race_one_is_told_to_train(any_store: Store) -> None:
    def one(number: int) -> Decision:
        return ask(any_store, UNIVERSE, DAY, by=f"caller {number}", reason="drift")

    with ThreadPoolExecutor(8) as pool:
        decisions = list(pool.map(one, range(8)))
    assert sum(decision.asked for decision in decisions) == 1


def test_what_is_withdrawn_can_be_asked_for_again(store: Store) -> None:
    ask(store, UNIVERSE, DAY, by="alert", reason="drift")
    assert not withdraw(store, UNIVERSE, DAY, by=DAILY)
    assert withdraw(store, UNIVERSE, DAY, by="alert")
    assert not withdraw(store, UNIVERSE, DAY, by="alert")
    assert last_asked(store, UNIVERSE) is None
    assert ask(store, UNIVERSE, DAY, by="alert", reason="drift").asked
    assert last_asked(store, UNIVERSE) == DAY


def test_an_object_that_cannot_be_read_is_an_error_and_asks_for_nothing(store: Store) -> None:
    for content in (b"{", b"[]", json.dumps({"asked": [{"odd": 1}]}).encode()):
        store.objects.put(OBJECT, content)
        with pytest.raises(ModelError, match="no list of requests"):
            ask(store, UNIVERSE, DAY, by="alert", reason="")
