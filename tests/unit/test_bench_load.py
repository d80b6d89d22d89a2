"""The load generator against a server that counts its own requests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bench.serving.load import Load, LoadError, closed_loop, http_request, open_loop

REQUESTS = [http_request("POST", f"/{n}", b"x" * n) for n in range(3)]
WORK_SECONDS = 0.02


class CountingServer:
    """Answers every request with its path, after some work, in pieces."""

    def __init__(self, status: str = "200 OK") -> None:
        self.status, self.paths, self.connections = status, [], 0
        self.tasks: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while self.status:
                await self.answer(reader, writer)
        writer.close()

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

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await asyncio.gather(*self.tasks)


def run(server: CountingServer, load: Callable[[int], Awaitable[Load]]) -> Load:
    async def whole() -> Load:
        async with server.running() as port:
            return await load(port)

    return asyncio.run(whole())


def test_a_closed_loop_counts_and_times_what_the_server_answers() -> None:
    server = CountingServer()
    load = run(server, lambda port: closed_loop(port, REQUESTS, 4, 0.2))
    assert load.answers == len(server.paths) >= 4
    assert server.connections == 4
    assert WORK_SECONDS <= min(load.latencies) <= max(load.latencies) <= load.seconds


def test_a_check_gets_every_body_with_the_number_of_its_request() -> None:
    server, bodies = CountingServer(), []

    def check(at: int, body: bytes) -> None:
        bodies.append((at, body))

    run(server, lambda port: closed_loop(port, REQUESTS, 1, 0.0, least=5, check=check))
    assert server.paths == ["/0", "/1", "/2", "/0", "/1"]
    assert bodies == [(n, f"/{n}".encode() * 1000) for n in (0, 1, 2, 0, 1)]


@pytest.mark.parametrize("status", ["503 Busy", ""])
def test_another_status_or_a_closed_connection_ends_the_load(status: str) -> None:
    with pytest.raises(LoadError, match=status or "closed"):
        run(CountingServer(status), lambda port: closed_loop(port, REQUESTS, 3, 1.0))


def test_an_open_loop_keeps_its_schedule_when_the_server_is_slower() -> None:
    server = CountingServer()
    rate = 4 / WORK_SECONDS
    load = run(server, lambda port: open_loop(port, REQUESTS[0], rate, 0.2))
    assert load.answers == len(server.paths) == round(rate * 0.2)
    assert server.connections > 1
    assert min(load.latencies) >= WORK_SECONDS


def test_quantiles_are_in_milliseconds() -> None:
    load = Load(2.0, [0.001 * n for n in range(1, 102)])
    assert load.milliseconds(0.5) == pytest.approx(51.0)
    assert load.milliseconds(0.99) == pytest.approx(100.0)
    assert load.rate == 50.5
