import sys
from pathlib import Path

import pytest

from serving.body import BODY_CAP
from tests.monitoring.exposition import assert_declared
from tests.serving.live import FORECASTING, READINESS, SYMBOL, Running, Served


@pytest.mark.parametrize("route", FORECASTING)
def test_body_over_the_cap_is_too_large_whole_and_in_chunks(server: Running, route):
    for content in (b" " * (BODY_CAP + 1), (b" " * 65536 for _ in range(32))):
        answer = server.http.post(route, content=content)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code == 413


def test_body_at_the_cap_is_read(server: Running):
    body = b'{"symbol": "SYN"}'.ljust(BODY_CAP)
    assert server.http.post("/predict", content=body).status_code == 200


@pytest.mark.parametrize("route", FORECASTING)
def test_request_headers_are_neither_echoed_nor_logged(
    server: Running, served: Served, features, route
):
    rows = {"instances": [features[served.as_of]]}
    body = {"symbol": SYMBOL} if route == "/predict" else rows
    headers = {"authorization": "Bearer s3cret", "x-token": "s3cret", "ce-id": "s3cret"}
    answer = server.http.post(route, json=body, headers=headers)
    assert "s3cret" not in str(answer.headers) + answer.text
    assert "s3cret" not in server.log.read_text()


def test_content_type_with_a_charset_is_json(server: Running, served: Served, features):
    headers = {"content-type": "application/json; charset=utf-8"}
    rows = {"instances": [features[served.as_of]]}
    for route in FORECASTING[1:3]:
        assert server.http.post(route, json=rows, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/predict", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/models/volcast:predict", 405),
        ("GET", "/openai/v1/models", 404),
        ("POST", "/v2/health/live", 405),
        ("POST", "/v2/repository/models/volcast/load", 404),
        ("POST", "/v2/repository/models/volcast/unload", 404),
        ("POST", "/v2/models/volcast/versions/1/infer", 404),
        ("POST", "/v2/models/volcast/infer/", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", "/v1/models/other:predict", 404),
        ("POST", "/v1/models/%76olcast:explain/", 404),
    ],
)
def test_unknown_routes_and_methods_are_problems(server: Running, method, path, status):
    answer = server.http.request(method, path, json={} if method == "POST" else None)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == answer.json()["status"] == status


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics", "/predict", "/docs", "/openapi.json", "/docs/start.js", "/v2", "/v2/models",
     "/v2/health/live", "/v2/models/volcast", *READINESS],
)  # fmt: skip
def test_head_is_answered_where_get_is_without_a_body(server: Running, path):
    whole, head = server.http.get(path), server.http.head(path)
    assert (whole.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    ["/predict/", "/docs/", "/openapi.json/", "/metrics/", "/v2/models/volcast/", "/v1/models/",
     *(f"{path}/" for path in READINESS)],
)  # fmt: skip
def test_a_slash_too_many_is_not_found_and_leads_nowhere(server: Running, path):
    for answer in (server.http.get(path), server.http.post(path, json={})):
        assert answer.status_code == 404
        assert "location" not in answer.headers


def test_a_preflight_names_the_methods(server: Running):
    answer = server.http.options("/predict", headers={"origin": "https://desk.test"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert "access-control-allow-origin" not in answer.headers


def test_requests_are_counted_and_timed_by_route_and_status(server: Running):
    counted = 'volcast_http_requests_total{method="GET",route="predict",status="404"}'
    timed = 'volcast_http_request_seconds_count{route="predict",status="404"}'
    before = server.metrics()
    server.http.get("/predict", params={"symbol": "NOPE"})
    after = server.metrics()
    assert after[counted] == before.get(counted, 0) + 1
    assert after[timed] == before.get(timed, 0) + 1


def test_model_and_features_in_service_are_shown(server: Running, served: Served):
    metrics, version = server.metrics(), served.predictions[-1]["model_version"]
    shown = [name for name in metrics if name.startswith("volcast_model_info{")]
    assert len(shown) == 1
    assert f'version="{version}"' in shown[0]
    assert metrics["volcast_model_ready"] == 1
    assert metrics[f'volcast_feature_age_sessions{{symbol="{SYMBOL}"}}'] == 0
    assert metrics[f'volcast_features_stale{{symbol="{SYMBOL}"}}'] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="what is loaded is read from /proc")
def test_packages_that_no_request_needs_are_not_loaded(server: Running):
    loaded = Path(f"/proc/{server.process.pid}/maps").read_text()
    unneeded = ("pandas", "scipy/linalg", "sklearn", "sqlalchemy", "grpc", "cryptography")
    assert [name for name in unneeded if name in loaded] == []


def test_the_metrics_are_those_declared(server: Running):
    server.answer()
    assert_declared(server.http.get("/metrics").text, "server")
