"""The service answers as its document says, takes what is new into use, and refuses the rest."""

import re
import sys
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

from serving.body import BODY_CAP
from tests.brief.desk import briefed, briefing
from tests.monitoring.exposition import assert_declared
from tests.monitoring.monitored import Process, eventually, running
from tests.s3_server import free_ports
from volcast.store import Store

ASKED = "What is the forecast for SPY?"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("brief")
    with briefing(briefed(Store.open(str(folder / "store"))), folder / "log") as process:
        yield process


def test_an_answer_cites_what_can_be_looked_up(service: Process):
    found = service.http.post("/qa", json={"question": ASKED}).json()
    assert found["answered"]
    assert "13.1 %" in found["text"]
    for sentence in found["sentences"]:
        source = service.http.get("/sources", params={"id": sentence["citations"][0]})
        assert source.status_code == 200
        assert source.json()["row"]["rv_5d_hat"] == 0.131


def test_a_passage_is_cited_like_a_row(service: Process):
    asked = {"question": "To what did the Bank of Verland raise its policy rate?"}
    found = service.http.post("/qa", json=asked).json()
    (sentence,) = found["sentences"]
    (citation,) = sentence["citations"]
    source = service.http.get("/sources", params={"id": citation}).json()
    assert (source["kind"], source["row"]) == ("document", None)
    assert sentence["text"] in source["text"]


def test_what_is_not_in_the_sources_is_no_error(service: Process):
    found = service.http.post("/qa", json={"question": "Who won the league in 1987?"})
    assert found.status_code == 200
    body = found.json()
    assert (body["answered"], body["sentences"]) == (False, [])
    assert body["text"] == "not in the sources"


def test_the_brief_is_of_a_symbol_and_a_day(service: Process):
    found = service.http.get("/daily-brief").json()
    assert (found["symbol"], found["as_of"]) == ("SPY", "2024-06-28")
    first = found["sections"][0]["sentences"][0]
    assert "13.1 %" in first["text"]
    past = service.http.get("/daily-brief", params={"symbol": "SPY", "as_of": "2024-06-27"}).json()
    assert "14.0 %" in past["sections"][0]["sentences"][0]["text"]


@pytest.mark.parametrize(
    ("method", "path", "asked", "status", "field"),
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
        ("GET", f"/daily-brief?{'a=&' * 100}", {}, 400, None),
        ("GET", "/sources", {}, 400, "id"),
        ("GET", "/sources?id=x", {}, 404, "id"),
        ("GET", "/sources?id=predictions_daily%3Fsymbol%3DSPY", {}, 400, "id"),
        ("GET", "/sources?id=documents/../universe.json", {}, 404, "id"),
        ("GET", f"/sources?id=raw.macro%3Fseries%3D{'x' * 400}", {}, 400, "id"),
        ("GET", f"/sources?id=runs%3Frun_id%3D{'x' * 90}%26part%3Dall%26name%3Da", {}, 400, "id"),
        ("GET", "/nowhere", {}, 404, None),
    ],
)  # fmt: skip
def test_bad_input_gets_one_problem(service: Process, method, path, asked, status, field):
    found = service.http.request(method, path, **asked)
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["field"] == field


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def test_whatever_is_asked_is_answered_as_the_document_says(service: Process):
    base = str(service.http.base_url)
    schema = schemathesis.openapi.from_dict(service.http.get("/openapi.json").json())
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 3
    for operation in operations:

        @given(case=st.one_of(operation.as_strategy()))
        @settings(
            max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        def ask(case) -> None:
            case.call_and_validate(base_url=base, checks=CHECKS)

        ask()


def test_examples_of_the_document_are_answered(service: Process):
    paths = service.http.get("/openapi.json").json()["paths"]
    body = paths["/qa"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert service.http.post("/qa", json=body).json()["answered"]


def test_the_page_needs_nothing_from_elsewhere(service: Process):
    page = service.http.get("/docs").text
    assert "POST /qa" in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)


def test_metrics_are_those_of_the_catalogue_and_count(service: Process):
    before = service.metrics()['volcast_brief_questions_total{outcome="refused"}']
    service.http.post("/qa", json={"question": ""})
    after = service.metrics()
    assert after['volcast_brief_questions_total{outcome="refused"}'] == before + 1
    assert after['volcast_brief_passages{source="document"}'] == 1
    assert_declared(service.http.get("/metrics").text, "brief")


def test_a_document_dropped_in_is_found_and_a_broken_one_is_named(store: Store, tmp_path):
    briefed(store)
    asked = {"question": "How many barrels did the port of Halsund load?"}
    with briefing(store, tmp_path / "log") as process:
        assert not process.http.post("/qa", json=asked).json()["answered"]
        store.objects.put("documents/torn.pdf", b"%PDF-1.7 no")
        port = b"Port of Halsund\n\nThe port of Halsund loaded 4,200 barrels."
        store.objects.put("documents/port.txt", port)

        def answered() -> str:
            found = process.http.post("/qa", json=asked).json()
            return found["text"] if found["answered"] else ""

        assert "4,200 barrels" in eventually(answered)
        shown = process.metrics()
        assert shown['volcast_brief_passages{source="unread"}'] == 1
        store.objects.delete("documents/port.txt")
        eventually(lambda: not answered())
    log = (tmp_path / "log").read_text()
    assert "source_left_out" in log
    assert "torn.pdf" in log


def test_a_token_is_asked_for_where_one_is_set(store: Store, tmp_path):
    (tmp_path / "token").write_text("letmein\n")
    told = {"VOLCAST_AUTH_TOKEN_FILE": str(tmp_path / "token")}
    with briefing(briefed(store), tmp_path / "log", told) as process:
        for path in ("/daily-brief", "/sources?id=x"):
            assert process.http.get(path).status_code == 401
        assert process.http.post("/qa", json={"question": ASKED}).status_code == 401
        headers = {"authorization": "Bearer letmein"}
        assert process.http.get("/daily-brief", headers=headers).status_code == 200
        assert process.http.get("/metrics").status_code == 200


def test_an_empty_store_is_served_and_says_so(store: Store, tmp_path):
    with briefing(store, tmp_path / "log") as process:
        assert process.http.get("/daily-brief").status_code == 404
        found = process.http.post("/qa", json={"question": ASKED})
        assert (found.status_code, found.json()["answered"]) == (200, False)


def test_it_ends_at_once_when_told(store: Store, tmp_path):
    with briefing(briefed(store), tmp_path / "log", seconds=3600) as process:
        process.process.terminate()
        assert process.process.wait(timeout=10) == 0
        with pytest.raises(httpx.TransportError):
            process.http.get("/")


def test_a_port_that_is_taken_ends_in_a_configuration_error(service: Process, tmp_path):
    port = int(service.address.rpartition(":")[2])
    command = [sys.executable, "-m", "serving.brief", "--port", str(port), "--store", str(tmp_path)]
    with (
        pytest.raises(AssertionError),
        running(command, free_ports(1)[0], tmp_path / "log") as process,
    ):
        assert process.process.poll() is None
    assert f"127.0.0.1:{port}: found" in (tmp_path / "log").read_text()
