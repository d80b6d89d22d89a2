"""On what evidence a session starts a training run, and how often."""

from datetime import date

import pandas as pd
import pytest

from tests.contract_rows import contract_rows
from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.monitoring.retrain import Decision, decide
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY, MONITORING_PERFORMANCE, MONITORING_RETRAIN

UNIVERSE = Universe(target="SPY")
DAY = date(2020, 6, 1)


def later(sessions: int) -> date:
    return calendar.after(DAY, sessions)


def evidence(
    store: Store, drift: str = "ok", error: str = "same", *, day: date = DAY, symbol: str = "SPY"
) -> None:
    state = contract_rows(MONITORING_DRIFT_DAILY, [symbol], [day]).to_pandas()
    state = state.assign(subject="verdict", state=drift, detail="g5 moved")
    # Evidence of one feature is not the session's state.
    of_one = state.assign(subject="g5", state="drift")
    store.write(MONITORING_DRIFT_DAILY, pd.concat([state, of_one]))
    row = contract_rows(MONITORING_PERFORMANCE, [symbol], [day]).to_pandas()
    store.write(MONITORING_PERFORMANCE, row.assign(state=error, detail="+40 %"))


def row(store: Store, day: date = DAY) -> dict[str, object]:
    (written,) = store.read(MONITORING_RETRAIN, first=day, last=day).to_pylist()
    return written


@pytest.mark.parametrize(
    ("drift", "error", "train"),
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
def test_only_drift_or_a_worse_error_trains(
    store: Store, drift: str, error: str, train: bool
) -> None:
    evidence(store, drift, error)
    assert decide(store, UNIVERSE, DAY).train is train
    written = row(store)
    assert (written["needed"], written["train"]) == (train, train)
    assert (written["drift_state"], written["error_state"]) == (drift, error)
    assert not {"regime-shift", "data-fault", "not-run", "too-few"} & set(written["reason"].split())


def test_a_session_without_evidence_does_not_train_until_there_is_some(store: Store) -> None:
    assert decide(store, UNIVERSE, DAY).train is False
    assert (row(store)["drift_state"], row(store)["error_state"]) == ("not-run", "too-few")
    evidence(store, error="worse")
    assert decide(store, UNIVERSE, DAY).train


def test_the_reason_names_every_cause(store: Store) -> None:
    evidence(store, "drift", "worse")
    assert decide(store, UNIVERSE, DAY) == Decision(
        True, None, "drift: g5 moved; realized error worse: +40 %"
    )


@pytest.mark.parametrize(("sessions", "train"), [(1, False), (4, False), (5, True)])
def test_a_run_starts_at_most_once_in_five_sessions(
    store: Store, sessions: int, train: bool
) -> None:
    evidence(store, error="worse")
    evidence(store, error="worse", day=later(sessions))
    assert decide(store, UNIVERSE, DAY).train
    second = decide(store, UNIVERSE, later(sessions))
    assert (second.train, second.last_trained) == (train, DAY)
    assert row(store, later(sessions))["needed"] is True


def test_an_earlier_session_does_not_train_after_a_later_one(store: Store) -> None:
    for day in (later(9), DAY):
        evidence(store, "drift", day=day)
    assert decide(store, UNIVERSE, later(9)).train
    assert not decide(store, UNIVERSE, DAY).train


def test_the_same_evidence_gives_the_same_decisions_and_bytes(store: Store) -> None:
    evidence(store, error="worse")
    evidence(store, "drift", day=later(1))
    days = (DAY, later(1), later(2))
    first = [decide(store, UNIVERSE, day) for day in days]
    stored = {key: store.objects.get(key) for key in store.objects.list("monitoring")}
    assert [decide(store, UNIVERSE, day) for day in days] == first
    assert [decision.train for decision in first] == [True, False, False]
    assert {key: store.objects.get(key) for key in store.objects.list("monitoring")} == stored


def test_a_decision_to_train_remains_when_the_run_has_removed_its_cause(store: Store) -> None:
    evidence(store, "drift")
    first = decide(store, UNIVERSE, DAY)
    evidence(store, "ok")
    assert decide(store, UNIVERSE, DAY) == first
    assert row(store)["drift_state"] == "drift"


def test_targets_do_not_wait_for_each_other(store: Store) -> None:
    for symbol in ("SPY", "QQQ"):
        evidence(store, "drift", symbol=symbol)
        assert decide(store, Universe(target=symbol), DAY).train
