"""The load generator against a toy server that keeps count by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bench.serving.load import Load, LoadError, closed_loop, http_request, open_loop

REQUESTS = [http_request("POST", f"/{n}", b"x" * n) for n in range(3)]
WORK_SECONDS = 0.02


class Toy:
    """Answers every request with its path, after some work, in pieces."""

    def __init__(self, status: str = "200 OK") -> None:
        self.status, self.paths, self.connections = status, [], 0
        self.serving: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self.answer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.partition("Content-Length: ")[2].split()[0])
        assert await reader.readexactly(length) == b"x" * length
        path = head.split()[1]
        self.paths.append(path)
        await asyncio.sleep(WORK_SECONDS)
        body = path.encode() * 1000
        whole = f"HTTP/1.1 {self.status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        for piece in (whole[:20], whole[20:60], whole[60:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await asyncio.gather(*self.serving)


def loaded(toy: Toy, load: Callable[[int], Awaitable[Load]]) -> Load:
    async def whole() -> Load:
        async with toy.running() as port:
            return await load(port)

    return asyncio.run(whole())


def test_a_closed_loop_counts_what_the_server_counts() -> None:
    toy = Toy()
    found = loaded(toy, lambda port: closed_loop(port, REQUESTS, 4, 0.2))
    assert found.answers == len(toy.paths) >= 4
    assert toy.connections == 4


def test_no_latency_is_shorter_than_the_work_of_the_server() -> None:
    found = loaded(Toy(), lambda port: closed_loop(port, REQUESTS, 2, 0.1))
    assert min(found.latencies) >= WORK_SECONDS
    assert max(found.latencies) <= found.seconds


def test_requests_go_in_turn_and_answers_come_whole_and_under_their_number() -> None:
    toy, seen = Toy(), []

    def check(at: int, body: bytes) -> None:
        seen.append((at, body))

    loaded(toy, lambda port: closed_loop(port, REQUESTS, 1, 0.0, least=5, check=check))
    assert toy.paths == ["/0", "/1", "/2", "/0", "/1"]
    assert seen == [(n, f"/{n}".encode() * 1000) for n in (0, 1, 2, 0, 1)]


def test_a_status_other_than_200_ends_the_load() -> None:
    with pytest.raises(LoadError, match="503 Busy"):
        loaded(Toy("503 Busy"), lambda port: closed_loop(port, REQUESTS, 3, 1.0))


def test_a_connection_that_the_server_closes_ends_the_load() -> None:
    class Rude(Toy):
        async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await reader.readexactly(1 << 20)

    with pytest.raises(LoadError, match="closed"):
        loaded(Rude(), lambda port: closed_loop(port, REQUESTS, 1, 1.0))


def test_an_open_loop_keeps_its_schedule_though_the_server_is_slower() -> None:
    toy = Toy()
    rate = 4 / WORK_SECONDS
    found = loaded(toy, lambda port: open_loop(port, REQUESTS[0], rate, 0.2))
    assert found.answers == len(toy.paths) == round(rate * 0.2)
    assert toy.connections > 1
    assert min(found.latencies) >= WORK_SECONDS


def test_quantiles_are_in_milliseconds() -> None:
    load = Load(2.0, [0.001 * n for n in range(1, 102)])
    assert load.milliseconds(0.5) == pytest.approx(51.0)
    assert load.milliseconds(0.99) == pytest.approx(100.0)
    assert load.rate == 50.5
