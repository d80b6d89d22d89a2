"""Threads for work that would block the event loop, with a limit to how much may wait."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serving import metrics
from volcast.core.errors import Overloaded

__all__ = ["Workers"]

Result = TypeVar("Result")


class Workers:
    """A thread pool with a bounded queue.

    Parameters
    ----------
    threads : int
    waiting : int
        Jobs that may wait; more are refused.
    seconds : float
        After which a caller stops waiting.
    """

    def __init__(self, threads: int = 2, waiting: int = 32, seconds: float = 20.0) -> None:
        self._pool = ThreadPoolExecutor(threads, "volcast-worker", _lower_priority)
        self._free, self._seconds = threads + waiting, seconds

    async def run(self, job: Callable[..., Result], *arguments: object) -> Result:
        """Run ``job`` in a thread and wait for it.

        Raises
        ------
        Overloaded
            If too many wait already, or the answer takes too long.
        """
        if not self._free:
            metrics.TURNED_AWAY.inc()
            raise _overloaded("more work than can wait")
        self._free -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, job, *arguments)
        # A job that is no longer waited for still runs: its place is free when it ends.
        future.add_done_callback(self._release)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._seconds)
        except TimeoutError:
            raise _overloaded(f"no answer in {self._seconds:g} seconds") from None

    def _release(self, future: "asyncio.Future[Result]") -> None:
        self._free += 1
        if not future.cancelled():
            future.exception()  # read, so that asyncio does not report it as never retrieved


def _lower_priority() -> None:
    """Let the event loop's thread go first wherever both want the processor."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _overloaded(found: str) -> Overloaded:
    return Overloaded(
        found=found, expected="room for the request", where="server",
        remedy="Send it again later, or fewer at a time.",
    )  # fmt: skip
