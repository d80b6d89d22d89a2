"""Waiting between attempts."""

import random

import pytest

from volcast.core.errors import ContractError, SourceUnavailable, VolcastError
from volcast.data.sources.retry import Retry


class Failing:
    def __init__(self, error: type[VolcastError], times: int) -> None:
        self.error, self.times, self.asked = error, times, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise self.error(found="", expected="", where="", remedy="")
        return "answer"


def test_waits_double_and_are_jittered_by_the_seed() -> None:
    waits: list[float] = []
    assert Retry(4, waits.append, random.Random(3))(Failing(SourceUnavailable, 3)) == "answer"
    jitter = random.Random(3)
    assert waits == [base * jitter.uniform(0.5, 1.5) for base in (1, 2, 4)]


def test_the_last_failure_is_raised_without_a_wait() -> None:
    waits: list[float] = []
    ask = Failing(SourceUnavailable, 9)
    with pytest.raises(SourceUnavailable):
        Retry(3, waits.append, random.Random(3))(ask)
    assert (ask.asked, len(waits)) == (3, 2)


def test_a_broken_contract_is_not_asked_again() -> None:
    ask = Failing(ContractError, 1)
    with pytest.raises(ContractError):
        Retry(3, lambda _: None, random.Random(3))(ask)
    assert ask.asked == 1
