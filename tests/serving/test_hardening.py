"""Slow clients, overload, a stop while requests are open, and stores that fail."""

import asyncio
import concurrent.futures
import json
import random
import socket
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from feature_repo.online import materialize
from serving.routes import Workers
from tests.redis_server import redis_server
from tests.serving.live import AUDIT, SYMBOL, Running, Served, running, train_version, v2_inputs
from volcast import registry
from volcast.core.errors import Overloaded


def test_200_orders_of_the_same_features_give_the_same_answer(
    server: Running, served: Served, features
):
    row, shuffle = features[served.as_of], random.Random(1)
    answers, numbers = set(), set()
    for _ in range(200):
        names = shuffle.sample(list(row), len(row))
        turned = {name: row[name] for name in names}
        query = {"symbol": SYMBOL, "features": turned}
        answers.add(server.http.post("/predict", json=query).text)
        v1 = server.http.post("/v1/models/volcast:predict", json={"instances": [turned]})
        v2 = server.http.post("/v2/models/volcast/infer", json={"inputs": v2_inputs([turned])})
        numbers |= {v1.json()["predictions"][0]["rv_5d"], v2.json()["outputs"][0]["data"][0]}
    assert len(answers) == len(numbers) == 1
    assert json.loads(answers.pop())["rv_5d"] == pytest.approx(numbers.pop(), abs=1e-9)


def test_batch_and_online_agree_on_1000_rows(server: Running, served: Served, features):
    draw, names = np.random.default_rng(4), server.names()
    reference = np.array([[row[name] for name in names] for row in features.values()])
    x = reference[draw.integers(0, len(reference), 1000)] * draw.normal(1, 0.02, (1000, len(names)))
    batch = registry.champion(server.served.store, SYMBOL).forecaster
    forecasts, reasons = batch.forecast(x), batch.explain(x)
    rows = [dict(zip(names, row, strict=True)) for row in x.tolist()]
    one_by_one = [
        server.http.post("/predict", json={"symbol": SYMBOL, "features": row}).json()
        for row in rows
    ]
    assert [a["rv_5d"] for a in one_by_one] == pytest.approx(forecasts.rv_5d.tolist(), abs=1e-9)
    for name in ("har_rv", "har_x", "log_har", "ewma94"):
        reported = [a["baselines"][{"har_rv": "har"}.get(name, name)] for a in one_by_one]
        assert reported == pytest.approx(forecasts.baselines[name].tolist(), abs=1e-9)
    v2 = server.http.post("/v2/models/volcast/infer", json={"inputs": v2_inputs(rows)}).json()
    for output in v2["outputs"]:
        reference = {"rv_5d": forecasts.rv_5d, "log_variance": forecasts.log_variance}
        expected = (reference | forecasts.bounds)[output["name"]]
        assert output["data"] == pytest.approx(expected.tolist(), abs=1e-9)
    query = {"instances": [{n: round(v, 9) for n, v in row.items()} for row in rows[:900]]}
    explained = server.http.post("/v1/models/volcast:explain", json=query).json()
    for reported, row in zip(explained["explanations"], reasons.contributions, strict=False):
        parts = [reported["contributions"][name] for name in batch.recipe.features]
        assert parts == pytest.approx(row.tolist(), abs=1e-5)


POST = b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n"


def connected(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.http.base_url.port), 30)


def test_the_connection_of_a_client_that_sends_no_request_is_closed(server: Running):
    for begun in (b"", b"GET /predict?symbol=SYN HTTP/1.1\r\nhost: a\r\n"):
        with connected(server) as client:
            client.sendall(begun)
            started = time.monotonic()
            assert client.recv(100) == b""
            assert 5 < time.monotonic() - started < 20


def test_headers_that_do_not_end_are_refused(server: Running):
    with connected(server) as client:
        client.sendall(b"GET /predict HTTP/1.1\r\nhost: a\r\nx-long: " + b"a" * 65_536)
        assert b" 431 " in client.recv(4096).splitlines()[0]
    long = {"x-long": "a" * 60_000}
    assert server.http.get("/v2/health/ready", headers=long).status_code == 200


@pytest.mark.parametrize("begun", [b"", b"{"])
def test_a_body_that_does_not_come_times_out(server: Running, begun):
    with connected(server) as client:
        client.sendall(POST + begun)
        assert b" 408 " in client.recv(4096).splitlines()[0]
    assert server.answer()["symbol"] == SYMBOL


def test_others_are_answered_while_a_hundred_clients_dawdle(server: Running):
    slow = [connected(server) for _ in range(100)]
    for client in slow:
        client.sendall(POST + b"{")
    assert server.http.get("/v2/health/ready").status_code == 200
    assert server.answer()["symbol"] == SYMBOL
    for client in slow:
        client.close()


def test_more_than_can_wait_is_turned_away_and_room_comes_back():
    async def reported() -> tuple[list[object], str]:
        release = threading.Event()
        workers = Workers(threads=1, waiting=2, seconds=30)
        jobs = [asyncio.create_task(workers.run(release.wait, 20)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="more work than can wait"):
            await workers.run(print)
        release.set()
        return await asyncio.gather(*jobs), await workers.run(lambda: "room")

    assert asyncio.run(reported()) == ([True] * 3, "room")


def test_an_answer_that_takes_too_long_is_given_up_but_keeps_its_room():
    async def answer_when_free(workers: Workers) -> str:
        for _ in range(100):
            try:
                return await workers.run(lambda: "room")
            except Overloaded:
                await asyncio.sleep(0.1)
        raise AssertionError("the place of the finished job never came back")

    async def scenario() -> str:
        release = threading.Event()
        workers = Workers(threads=1, waiting=0, seconds=0.5)
        with pytest.raises(Overloaded, match="no answer in"):
            await workers.run(release.wait, 60)
        with pytest.raises(Overloaded, match="more work than can wait"):
            await workers.run(print)
        release.set()
        return await answer_when_free(workers)

    assert asyncio.run(scenario()) == "room"


def test_a_flood_of_explanations_is_turned_away_with_a_time_to_come_again(
    server: Running, features
):
    body = json.dumps({"instances": list(features.values())[:900]}).encode()
    url = f"{server.http.base_url}/v1/models/volcast:explain"
    with concurrent.futures.ThreadPoolExecutor(80) as pool:
        requests = [pool.submit(httpx.post, url, content=body, timeout=60) for _ in range(80)]
        assert server.http.get("/v2/health/ready").status_code == 200
        answers = [request.result() for request in requests]
    assert {a.status_code for a in answers} <= {200, 503}
    assert 200 in {a.status_code for a in answers}
    for refused in (a for a in answers if a.status_code == 503):
        assert (refused.json()["title"], refused.headers["retry-after"]) == ("Overloaded", "5")


def test_a_request_under_way_is_answered_after_sigterm(served: Served, tmp_path: Path):
    with running(served.copy(tmp_path / "store"), tmp_path / "log") as server:
        body = json.dumps({"symbol": SYMBOL}).encode().ljust(99)
        with connected(server) as client:
            client.sendall(POST + body[:5])
            time.sleep(0.2)
            server.process.terminate()
            time.sleep(0.5)
            client.sendall(body[5:])
            assert b" 200 " in client.recv(65536).splitlines()[0]
        assert server.process.wait(30) == 0


def test_versions_swapped_under_load_never_mix(served: Served, tmp_path: Path, features):
    copy = served.copy(tmp_path / "store")
    versions = [
        registry.champion(copy.store, SYMBOL).version.version,
        train_version(copy.store, copy.as_of, 8),
    ]
    row, seen, stop = features[served.as_of], [], threading.Event()
    with running(copy, tmp_path / "log") as server:
        numbers = {}

        def ask() -> None:
            with httpx.Client(base_url=server.http.base_url, timeout=30) as http:
                query = {"symbol": SYMBOL, "features": row}
                while not stop.is_set():
                    answer = http.post("/predict", json=query)
                    seen.append((answer.status_code, answer.json()))

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            loads = [pool.submit(ask) for _ in range(2)]
            for number in range(6):
                version = versions[(number + 1) % 2]
                registry.promote(copy.store, version, **AUDIT)
                server.eventually(
                    lambda version=version: server.answer()["model"]["version"] == version
                )
            stop.set()
            for load in loads:
                load.result()
        for version in versions:
            forecaster = registry.verify(copy.store, version).forecaster
            x = np.array([[row[name] for name in forecaster.signature]])
            numbers[version] = forecaster.forecast(x).rv_5d.item()
    assert numbers[versions[0]] != numbers[versions[1]]
    assert {status for status, _ in seen} == {200}
    assert {answer["model"]["version"] for _, answer in seen} == set(versions)
    for _, answer in seen:
        assert answer["rv_5d"] == pytest.approx(numbers[answer["model"]["version"]], abs=1e-12)


def test_the_online_store_may_be_down_at_the_start_and_later(served: Served, tmp_path: Path):
    copy = served.copy(tmp_path / "store")
    with redis_server(tmp_path, "s3cret") as redis:

        def start() -> None:
            redis.start()
            materialize(str(copy.folder), copy.as_of, expect=[SYMBOL], online=redis.url)

        redis.stop()
        settings = {"VOLCAST_ONLINE_STORE": redis.url.get_secret_value()}
        with running(copy, tmp_path / "log", settings=settings) as server:
            never = server.http.get("/predict", params={"symbol": SYMBOL})
            assert (never.status_code, never.json()["title"]) == (503, "Store unavailable")
            assert never.headers["retry-after"] == "5"
            start()
            server.eventually(lambda: server.answer().get("stale") is False)
            before = server.answer()
            redis.stop()
            server.eventually(lambda: server.metrics()["volcast_online_store_up"] == 0)
            during = server.answer()
            assert (during["stale"], during["rv_5d"]) == (True, before["rv_5d"])
            redis.start()  # empty, as a Redis without a disk is after a restart
            server.eventually(lambda: server.metrics()["volcast_online_store_up"] == 1)
            assert server.answer() == during
            redis.stop()
            start()
            server.eventually(lambda: server.answer() == before)
            assert server.metrics()["volcast_online_store_errors_total"] > 0
            assert server.metrics()["volcast_online_store_up"] == 1
            assert "s3cret" not in server.log.read_text()
