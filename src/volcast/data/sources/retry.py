"""Asking again, later and later, when the outside world does not answer."""

import random
from collections.abc import Callable
from typing import TypeVar

from volcast.core.errors import SourceUnavailable

__all__ = ["Retry"]

_Answer = TypeVar("_Answer")


class Retry:
    """A bounded number of attempts with growing waits and jitter.

    Parameters
    ----------
    attempts : int
        Calls in all; the waits between them are 1, 2, 4, ... seconds times 0.5 to 1.5.
    sleep : callable
        Waits that many seconds.
    rng : random.Random
        The jitter's; so that callers that failed together do not ask again together.
    """

    def __init__(self, attempts: int, sleep: Callable[[float], None], rng: random.Random) -> None:
        self._attempts, self._sleep, self._rng = attempts, sleep, rng

    def __call__(self, ask: Callable[[], _Answer]) -> _Answer:
        """Return the first answer of ``ask``; only ``SourceUnavailable`` is tried again.

        Raises
        ------
        SourceUnavailable
            The last attempt's.
        """
        for attempt in range(self._attempts - 1):
            try:
                return ask()
            except SourceUnavailable:
                self._sleep(2.0**attempt * self._rng.uniform(0.5, 1.5))
        return ask()
