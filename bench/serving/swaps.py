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

    ``mixed`` counts answers whose number is not that of the version they name; the load ends at
    the first error.
    """

    swaps: int = 0
    answers: int = 0
    mixed: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass
class _Watch:
    """Compares answers with those that each version gave to the same request before the swaps."""

    ways: Sequence[str]
    expected: dict[tuple[str, int], float] = field(default_factory=dict)
    newest: str | None = None
    result: Swapped = field(default_factory=Swapped)

    def learn(self, at: int, body: bytes) -> None:
        version, value = answer(self.ways[at], body)
        self.expected[version or "", at] = value

    def judge(self, at: int, body: bytes) -> None:
        version, value = answer(self.ways[at], body)
        self.newest = version
        self.result.answers += 1
        self.result.mixed += self.expected.get((version or "", at)) != value


def swap(
    subject: Subject, server: Running, cases: dict[str, Case], times: int, connections: int = 8
) -> Swapped:
    """Promote the other version ``times`` times while a server that follows the store answers."""
    mix = [(way, one) for way, case in cases.items() for one in case.requests[:_EACH]]
    watch, requests = _Watch([way for way, _ in mix]), [one for _, one in mix]
    for version in reversed(subject.versions):
        subject.promote(version)
        asyncio.run(_learn(watch, server.port, requests, version))
    if any(
        len({watch.expected[one, at] for one in subject.versions}) < 2 for at in range(len(mix))
    ):
        raise RuntimeError("both versions answer alike: a mix would not be seen")
    with subject.swaps() as versions:
        asyncio.run(_swap(watch, server.port, requests, connections, versions, times))
    return watch.result


async def _learn(watch: _Watch, port: int, requests: Sequence[bytes], version: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while watch.newest != version:
        if time.monotonic() > deadline:
            raise RuntimeError(f"version {version} did not come into service")
        await asyncio.sleep(0.05)
        await closed_loop(port, requests[:1], 1, 0.0, check=watch.judge)
    await closed_loop(port, requests, 1, 0.0, least=len(requests), check=watch.learn)
    watch.result = Swapped()


async def _swap(
    watch: _Watch,
    port: int,
    requests: Sequence[bytes],
    connections: int,
    versions: Iterator[str],
    times: int,
) -> None:
    load = asyncio.create_task(closed_loop(port, requests, connections, inf, check=watch.judge))
    try:
        for _ in range(times):
            version = await asyncio.to_thread(next, versions)
            await _served(watch, version, load)
            watch.result.swaps += 1
    except TimeoutError:
        watch.result.errors.append(f"version {version} did not come into service")
    finally:
        load.cancel()
        await _ended(load, watch)


async def _served(watch: _Watch, version: str, load: "asyncio.Task[object]") -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while watch.newest != version and not load.done():
            await asyncio.sleep(0.02)


async def _ended(load: "asyncio.Task[object]", watch: _Watch) -> None:
    try:
        await load
    except asyncio.CancelledError:
        pass
    except LoadError as error:
        watch.result.errors.append(str(error))
