"""The caller's trace, in log lines, answers and the spans that a collector gets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from serving.tracing import caller_of, tracer_from_environment
from tests.loopback import QuietHandler, serving
from tests.serving.live import Running, Served, running
from volcast.core.errors import ConfigError

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def collector():
    """An OTLP receiver: its address, and the batches that it got."""
    batches: list[ExportTraceServiceRequest] = []

    class Collector(QuietHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            batches.append(ExportTraceServiceRequest.FromString(body))
            self.answer(200, b"")

    with serving(Collector) as url:
        yield url, batches


def test_a_collector_gets_one_span_a_request_below_the_callers(
    served: Served, tmp_path: Path, collector
):
    endpoint, batches = collector
    copy = served.copy(tmp_path / "store")
    settings = {ENDPOINT: endpoint, "OTEL_SERVICE_NAME": "forecasts"}
    with running(copy, tmp_path / "log", settings=settings) as server:
        answer = server.http.get("/predict", headers={"traceparent": CALLER})
        own = server.http.get("/predict", params={"symbol": "NOPE"}).headers["traceparent"]
        server.http.get("/metrics")
    # Stopped, the server has sent what it had.
    resources = [one for batch in batches for one in batch.resource_spans]
    spans = [span for one in resources for scope in one.scope_spans for span in scope.spans]
    by_trace = {span.trace_id.hex(): span for span in spans}
    assert {span.name for span in spans} == {"GET /predict"}
    span, missing = (by_trace[one] for one in (TRACE, own[3:35]))
    assert len(by_trace) == len(spans) == 2
    assert span.parent_span_id.hex() == CALLER[36:52]
    assert answer.headers["traceparent"] == f"00-{TRACE}-{span.span_id.hex()}-01"
    for one, status in ((span, 200), (missing, 404)):
        values = {each.key: each.value for each in one.attributes}
        assert values["http.route"].string_value == "/predict"
        assert values["http.response.status_code"].int_value == status
    names = {one.key: one.value.string_value for one in resources[0].resource.attributes}
    assert names["service.name"] == "forecasts"


def test_a_failure_is_logged_with_the_callers_trace(served: Served, tmp_path: Path):
    copy = served.copy(tmp_path / "store")
    with running(copy, tmp_path / "log") as server:
        for file in copy.folder.glob("predictions_daily/**/*.parquet"):
            file.write_bytes(b"broken")
        query = {"as_of": str(served.predictions[0]["session"])}
        answer = server.http.get("/predict", params=query, headers={"traceparent": CALLER})
        assert answer.status_code >= 500
        assert answer.headers["traceparent"] == CALLER
    lines = [json.loads(text) for text in (tmp_path / "log").read_text().splitlines()]
    failed = [one for one in lines if one["event"] == "request_failed"]
    assert [one["trace_id"] for one in failed] == [TRACE]
    assert not any("trace_id" in one for one in lines if one["event"] != "request_failed")


def test_without_an_endpoint_and_a_caller_answers_have_no_trace(server: Running):
    assert "traceparent" not in server.http.get("/predict").headers


@pytest.mark.parametrize(
    "value",
    ["", "x", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01",
     f"00-{TRACE}-{'0' * 16}-01", CALLER.upper(), f"{CALLER}\r\nx: y", f"{CALLER}, {CALLER}"],
)  # fmt: skip
def test_an_invalid_traceparent_is_none(value: str):
    assert caller_of([(b"traceparent", value.encode())]) == ""


@pytest.mark.parametrize(
    "settings",
    [{}, {ENDPOINT: "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
     {ENDPOINT: "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"}],
)  # fmt: skip
def test_unset_nothing_is_traced(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert tracer_from_environment() is None


def test_unset_no_exporter_is_imported():
    script = """
import sys
from serving import server, tracing
assert tracing.tracer_from_environment() is None
print([name for name in sys.modules if name.startswith("opentelemetry.exporter")])
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_EXPORTER", "console")],
)
def test_another_protocol_or_exporter_is_refused(monkeypatch: pytest.MonkeyPatch, name, value):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        tracer_from_environment()
    assert (caught.value.found, caught.value.where) == (value, name)


def test_without_its_packages_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError):
        tracer_from_environment()
