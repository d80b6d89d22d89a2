"""A lean load generator: HTTP/1.1 over raw sockets, prebuilt requests, status and length alone."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import numpy as np

__all__ = ["Load", "LoadError", "closed_loop", "http_request", "open_loop"]

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_HEAD_END = b"\r\n\r\n"

Check = Callable[[int, bytes], None]
"""Takes the position of a request among those given, and the body of its answer."""


class LoadError(Exception):
    """An answer that no measurement may count: another status, or none."""


@dataclass
class Load:
    """What a load was answered with: one latency an answer, and the wall time of all."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """Number of requests answered."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Answers a second of wall time."""
        return self.answers / self.seconds

    def milliseconds(self, quantile: float) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        return float(np.quantile(self.latencies, quantile)) * 1000


def http_request(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return the bytes of one keep-alive request, of JSON unless headers have another type."""
    own = {"Host": "bench", "Content-Type": "application/json", **(headers or {})}
    lines = [f"{name}: {value}\r\n" for name, value in own.items()]
    head = f"{method} {path} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One keep-alive connection, one request under way at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._whole = 0
        self._body_at = 0
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    async def ask(self, request: bytes) -> bytes:
        """Send one request; return the body of its answer, which must be a 200."""
        self._received.clear()
        self._whole = 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._whole:
            self._read_head()
        if self._whole and len(self._received) >= self._whole:
            self._settle(bytes(self._received[self._body_at : self._whole]))

    def _read_head(self) -> None:
        end = self._received.find(_HEAD_END)
        if end < 0:
            return
        head = bytes(self._received[: end + 2])
        length = _LENGTH.search(head)
        self._body_at = end + len(_HEAD_END)
        if head[9:12] != b"200" or length is None:
            shown = bytes(self._received[:600]).decode(errors="replace")
            self._settle(LoadError(f"not a 200 with a length: {shown}"))
            return
        self._whole = self._body_at + int(length[1])

    def connection_lost(self, error: Exception | None) -> None:
        self._settle(LoadError(f"the server closed the connection ({error})"))

    def _settle(self, outcome: bytes | LoadError) -> None:
        if self._answer is None or self._answer.done():
            return
        if isinstance(outcome, LoadError):
            self._answer.set_exception(outcome)
        else:
            self._answer.set_result(outcome)

    def close(self) -> None:
        self._transport.close()


async def _connected(port: int, connections: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(_Connection, "127.0.0.1", port) for _ in range(connections)
    ]
    return [connection for _, connection in made]


async def closed_loop(  # noqa: PLR0913
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    *,
    least: int = 1,
    pause: float = 0.0,
    check: Check | None = None,
) -> Load:
    """Send the requests in turn on every connection, each once the last one is answered.

    Each connection begins with another request, sends at least ``least`` of them and none after
    ``seconds``; ``pause`` seconds between two are in no latency. ``check`` gets every answer.

    Raises
    ------
    LoadError
        On any answer but a 200.
    """
    load, clock = Load(), time.perf_counter
    opened = await _connected(port, connections)
    started = clock()

    async def work(connection: _Connection, first: int) -> None:
        turns = cycle([*range(first, len(requests)), *range(first)])
        for done in count():
            sent = clock()
            if sent - started >= seconds and done >= least:
                return
            at = next(turns)
            body = await connection.ask(requests[at])
            load.latencies.append(clock() - sent)
            if check is not None:
                check(at, body)
            if pause:
                await asyncio.sleep(pause)

    async with _tasks(opened) as group:
        for number, connection in enumerate(opened):
            group.create_task(work(connection, number % len(requests)))
    load.seconds = clock() - started
    return load


async def open_loop(port: int, request: bytes, rate: float, seconds: float) -> Load:
    """Send a request on a fixed schedule, whether or not the answers keep up.

    A latency begins at the scheduled time, so that a stall counts for every request it delays.
    ``rate`` is in requests a second.
    """
    load, clock = Load(), time.perf_counter
    idle = await _connected(port, 1)
    opened = list(idle)
    started = clock()

    async def one(due: float) -> None:
        if not idle:
            idle.extend(more := await _connected(port, 1))
            opened.extend(more)
        connection = idle.pop()
        await connection.ask(request)
        load.latencies.append(clock() - due)
        idle.append(connection)

    async with _tasks(opened) as group:
        for number in range(round(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - clock()))
            group.create_task(one(due))
    load.seconds = clock() - started
    return load


@asynccontextmanager
async def _tasks(opened: list[_Connection]) -> AsyncIterator[asyncio.TaskGroup]:
    """Wait for tasks, then close; what fails is raised as itself, not as a group."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for connection in opened:
            connection.close()
