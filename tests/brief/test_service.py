"""The service answers as its document describes, uses new documents, and refuses bad input."""

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from serving.body import BODY_CAP
from serving.brief.app import application
from tests.brief.desk import briefed, briefing, library_of
from tests.monitoring.exposition import assert_declared
from tests.monitoring.monitored import Process, eventually
from volcast.store import Store

QUESTION = "What is the forecast for SPY?"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("brief")
    with briefing(briefed(Store.open(str(folder / "store"))), folder / "log") as process:
        yield process


def test_an_answer_cites_what_can_be_looked_up(service: Process):
    response = service.http.post("/qa", json={"question": QUESTION}).json()
    assert response["answered"]
    assert "13.1 %" in response["text"]
    for sentence in response["sentences"]:
        source = service.http.get("/sources", params={"id": sentence["citations"][0]})
        assert source.status_code == 200
        assert source.json()["row"]["rv_5d_hat"] == 0.131


def test_a_compressed_question_and_head_are_answered(service: Process):
    body, headers = json.dumps({"question": QUESTION}).encode(), {"content-encoding": "gzip"}
    response = service.http.post("/qa", content=gzip.compress(body), headers=headers)
    assert response.json()["answered"]
    for path in ("/", "/ready", "/metrics", "/docs", "/openapi.json", "/daily-brief"):
        assert service.http.head(path).status_code == 200


def test_what_is_not_in_the_sources_is_no_error(service: Process):
    question = "Who won the league in 1987?"
    response = service.http.post("/qa", json={"question": question})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["question"], answer["answered"], answer["sentences"]) == (question, False, [])
    assert answer["text"].startswith("not in the sources")
    (missing,) = answer["missing"]
    assert "SPY" in missing["remedy"]


@pytest.mark.parametrize(
    ("query", "day", "forecast"),
    [("", "2024-06-28", "13.1 %"), ("?symbol=SPY&as_of=2024-06-27", "2024-06-27", "14.0 %")],
)
def test_the_brief_is_of_a_symbol_and_a_day(service: Process, query, day, forecast):
    response = service.http.get(f"/daily-brief{query}").json()
    assert (response["symbol"], response["as_of"]) == ("SPY", day)
    assert forecast in response["sections"][0]["sentences"][0]["text"]


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "field"),
    [
        ("POST", "/qa", {"content": b""}, 400, None),
        ("POST", "/qa", {"content": b"[1]"}, 400, None),
        ("POST", "/qa", {"content": b'{"question": "a", "question": "b"}'}, 400, "question"),
        ("POST", "/qa", {"content": b'{"question": "\xff"}'}, 400, None),
        ("POST", "/qa", {"json": {}}, 400, "question"),
        ("POST", "/qa", {"json": {"question": None}}, 400, "question"),
        ("POST", "/qa", {"json": {"question": ["x"]}}, 400, "question"),
        ("POST", "/qa", {"json": {"question": "   "}}, 400, "question"),
        ("POST", "/qa", {"json": {"question": "x" * 501}}, 400, "question"),
        ("POST", "/qa", {"json": {"question": "x", "as_of": "yesterday"}}, 400, "as_of"),
        ("POST", "/qa", {"content": b'{"question": "\\ud800"}'}, 400, "question"),
        ("POST", "/qa", {"json": {"question": "x", "k": 5}}, 400, "k"),
        ("POST", "/qa", {"content": b"x" * (BODY_CAP + 1)}, 413, None),
        ("GET", "/qa", {}, 405, None),
        ("GET", "/daily-brief?as_of=2024-13-01", {}, 400, "as_of"),
        ("GET", "/daily-brief?as_of=2024-06-29", {}, 400, "as_of"),
        ("GET", "/daily-brief?as_of=2199-01-02", {}, 400, "as_of"),
        ("GET", "/daily-brief?symbol=", {}, 400, "symbol"),
        ("GET", "/daily-brief?symbol=QQQ", {}, 404, "symbol"),
        ("GET", "/daily-brief?day=1", {}, 400, "day"),
        ("GET", "/daily-brief?symbol=SPY&symbol=SPY", {}, 400, "symbol"),
        ("GET", f"/daily-brief?{'a=&' * 100}", {}, 400, "a"),
        ("GET", "/sources", {}, 400, "id"),
        ("GET", "/sources?id=x", {}, 404, "id"),
        ("GET", "/sources?id=predictions_daily%3Fsymbol%3DSPY", {}, 400, "id"),
        ("GET", "/sources?id=documents/../universe.json", {}, 404, "id"),
        ("GET", f"/sources?id=raw.macro%3Fseries%3D{'x' * 400}", {}, 400, "id"),
        ("GET", f"/sources?id=runs%3Frun_id%3D{'x' * 90}%26part%3Dall%26name%3Da", {}, 400, "id"),
        ("GET", "/nowhere", {}, 404, None),
        ("GET", "/daily-brief/", {}, 404, None),
        ("POST", "/qa/", {"json": {"question": QUESTION}}, 404, None),
        ("POST", "/qa", {"headers": {"content-encoding": "br"}}, 415, None),
    ],
)  # fmt: skip
def test_bad_input_gets_one_problem(service: Process, method, path, request_, status, field):
    response = service.http.request(method, path, **request_)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["field"] == field


CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip


def test_random_requests_are_answered_as_the_document_describes(service: Process):
    base, described = str(service.http.base_url), service.http.get("/openapi.json").json()
    body = described["paths"]["/qa"]["post"]["requestBody"]["content"]["application/json"]
    assert service.http.post("/qa", json=body["example"]).json()["answered"]
    schema = schemathesis.openapi.from_dict(described)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 3
    for operation in operations:

        @given(case=st.one_of(operation.as_strategy()))
        @settings(
            max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        def ask(case) -> None:
            case.call_and_validate(base_url=base, checks=CHECKS)

        ask()


def test_metrics_are_those_of_the_catalogue_and_count(service: Process):
    before = service.metrics()['volcast_brief_questions_total{outcome="refused"}']
    service.http.post("/qa", json={"question": ""})
    after = service.metrics()
    assert after['volcast_brief_questions_total{outcome="refused"}'] == before + 1
    assert after['volcast_brief_passages{source="document"}'] == 1
    assert_declared(service.http.get("/metrics").text, "brief")


def test_a_document_dropped_in_is_found_and_a_broken_one_is_named(store: Store, tmp_path):
    briefed(store)
    question = {"question": "How many barrels did the port of Halsund load?"}
    with briefing(store, tmp_path / "log") as process:
        assert not process.http.post("/qa", json=question).json()["answered"]
        store.objects.put("documents/torn.pdf", b"%PDF-1.7 no")
        port = b"Port of Halsund\n\nThe port of Halsund loaded 4,200 barrels."
        store.objects.put("documents/port.txt", port)

        def answered() -> str:
            response = process.http.post("/qa", json=question).json()
            return response["text"] if response["answered"] else ""

        assert "4,200 barrels" in eventually(answered)
        shown = process.metrics()
        assert shown['volcast_brief_passages{source="unread"}'] == 1
        store.objects.delete("documents/port.txt")
        eventually(lambda: not answered())
    log = (tmp_path / "log").read_text()
    assert "source_left_out" in log
    assert "torn.pdf" in log


def test_a_token_is_required_where_one_is_set_and_sigterm_ends_it_at_once(store: Store, tmp_path):
    (tmp_path / "token").write_text("letmein\n")
    token_file = {"VOLCAST_AUTH_TOKEN_FILE": str(tmp_path / "token")}
    with briefing(briefed(store), tmp_path / "log", token_file, seconds=3600) as process:
        for path in ("/daily-brief", "/sources?id=x"):
            assert process.http.get(path).status_code == 401
        assert process.http.post("/qa", json={"question": QUESTION}).status_code == 401
        headers = {"authorization": "Bearer letmein"}
        assert process.http.get("/daily-brief", headers=headers).status_code == 200
        assert process.http.get("/metrics").status_code == 200
        process.process.terminate()
        assert process.process.wait(timeout=10) == 0
        with pytest.raises(httpx.TransportError):
            process.http.get("/")


@pytest.mark.parametrize(
    ("prefix", "status", "answered"),
    [("", 404, False), ("curated.market_daily/", 404, False), ("registry/volcast/3/", 200, True)],
)
def test_a_brief_without_its_sources_names_no_path_of_the_server(store, prefix, status, answered):
    briefed(store)
    for key in store.objects.list(prefix):
        store.objects.delete(key)
    with TestClient(application(library_of(store), None, lambda: True)) as client:
        brief = client.get("/daily-brief")
        answer = client.post("/qa", json={"question": QUESTION})
    assert (brief.status_code, answer.status_code) == (status, 200)
    assert answer.json()["answered"] == answered
    assert bool(brief.json().get("missing")) == (status == 200)
    assert store.uri not in brief.text
