"""Champions swapped under load: no request may fail, and no answer may mix two versions."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from bench.serving.agreement import answer
from bench.serving.load import LoadError, closed_loop
from bench.serving.requests import Case
from bench.serving.servers import Running
from bench.serving.stores import Subject

__all__ = ["Swapped", "swap"]

_PATIENCE_SECONDS = 30
_EACH = 16
"""Requests of a way; by GET there is one."""


@dataclass
class Swapped:
    """What was answered while champions were swapped.

    Parameters
    ----------
    swaps : int
        Versions that came into service.
    answers : int
    mixed : int
        Answers whose number is not that of the version they name.
    errors : list of str
        The load ends at the first.
    """

    swaps: int = 0
    answers: int = 0
    mixed: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass
class _Watch:
    """Reads answers; knows what each version says to each request once it was at rest."""

    ways: Sequence[str]
    known: dict[tuple[str, int], float] = field(default_factory=dict)
    newest: str | None = None
    found: Swapped = field(default_factory=Swapped)

    def learn(self, at: int, body: bytes) -> None:
        version, value = answer(self.ways[at], body)
        self.known[version or "", at] = value

    def judge(self, at: int, body: bytes) -> None:
        version, value = answer(self.ways[at], body)
        self.newest = version
        self.found.answers += 1
        self.found.mixed += self.known.get((version or "", at)) != value


def swap(
    subject: Subject, server: Running, cases: dict[str, Case], times: int, connections: int = 8
) -> Swapped:
    """Promote the other version so many times while every way is asked.

    Parameters
    ----------
    subject : Subject
    server : Running
        That follows the subject's store.
    cases : dict of Case
        The ways to ask it for one row.
    times : int
    connections : int
    """
    mix = [(way, one) for way, case in cases.items() for one in case.requests[:_EACH]]
    watch, requests = _Watch([way for way, _ in mix]), [one for _, one in mix]
    for version in reversed(subject.versions):
        subject.promote(version)
        asyncio.run(_learn(watch, server.port, requests, version))
    if any(len({watch.known[one, at] for one in subject.versions}) < 2 for at in range(len(mix))):
        raise RuntimeError("both versions answer alike: a mix would not be seen")
    with subject.swaps() as versions:
        asyncio.run(_swap(watch, server.port, requests, connections, versions, times))
    return watch.found


async def _learn(watch: _Watch, port: int, requests: Sequence[bytes], version: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while watch.newest != version:
        if time.monotonic() > deadline:
            raise RuntimeError(f"version {version} did not come into service")
        await asyncio.sleep(0.05)
        await closed_loop(port, requests[:1], 1, 0.0, check=watch.judge)
    await closed_loop(port, requests, 1, 0.0, least=len(requests), check=watch.learn)
    watch.found = Swapped()


async def _swap(
    watch: _Watch,
    port: int,
    requests: Sequence[bytes],
    connections: int,
    versions: Iterator[str],
    times: int,
) -> None:
    asking = asyncio.create_task(closed_loop(port, requests, connections, inf, check=watch.judge))
    try:
        for _ in range(times):
            version = await asyncio.to_thread(next, versions)
            await _served(watch, version, asking)
            watch.found.swaps += 1
    except TimeoutError:
        watch.found.errors.append(f"version {version} did not come into service")
    finally:
        asking.cancel()
        await _ended(asking, watch)


async def _served(watch: _Watch, version: str, asking: "asyncio.Task[object]") -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while watch.newest != version and not asking.done():
            await asyncio.sleep(0.02)


async def _ended(asking: "asyncio.Task[object]", watch: _Watch) -> None:
    try:
        await asking
    except asyncio.CancelledError:
        pass
    except LoadError as error:
        watch.found.errors.append(str(error))
