"""Wrong requests are problems that name the field."""

import json

import httpx
import pytest

from tests.serving.live import FORECASTING, SYMBOL, Running, Served, v2_inputs

ASK, PREDICT, EXPLAIN, INFER = FORECASTING
VALUES = {
    ASK: lambda row: {"symbol": SYMBOL, "features": row},
    PREDICT: lambda row: {"instances": [row]},
    EXPLAIN: lambda row: {"instances": [row]},
    INFER: lambda row: {"inputs": v2_inputs([row])},
}
"""By route, the body of one row of features."""


def assert_problem(answer: httpx.Response, status: int, field: str | None) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["field"]) == (status, status, field)
    assert {"type", "title", "detail"} < set(body)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"symbol": ""}, 400, "symbol"),
        ({"symbol": "NOPE"}, 404, "symbol"),
        ({"symbol": SYMBOL, "as_of": "yesterday"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "20051230"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "2005-02-30"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "1999-12-31"}, 404, "as_of"),
        ({"symbol": SYMBOL, "as_of": "2019-01-02"}, 404, "as_of"),
        ({"symbol": SYMBOL, "as_of": "2035-01-03"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "9999-12-31"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "2005-12-25"}, 400, "as_of"),
        ({"symbol": SYMBOL, "horizon": "5"}, 400, "horizon"),
        ([("symbol", SYMBOL), ("symbol", SYMBOL)], 400, "symbol"),
    ],
)
def test_query(server: Running, query, status, field):
    assert_problem(server.http.get("/predict", params=query), status, field)


@pytest.mark.parametrize("route", FORECASTING)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b'"SYN"',
        b"\xff",
        b"{",
        b'{"symbol": "SYN"',
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        '{"symbol": "SYN"}'.encode("utf-16"),
    ],
)
def test_body_that_is_no_object(server: Running, route, body):
    assert_problem(server.http.post(route, content=body), 400, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"symbol": 1}', "symbol"),
        ('{"symbol": ""}', "symbol"),
        ('{"symbol": "SYN", "as_of": 20051230}', "as_of"),
        ('{"symbol": "SYN", "symbol": "SYN"}', "symbol"),
        ('{"symbol": "SYN", "features": {"iv": 1, "moon": 1, "iv": 2}}', "iv"),
        ('{"symbol": "SYN", "extra": 1}', "extra"),
        ('{"symbol": "SYN", "features": []}', "features"),
        ('{"symbol": "SYN", "features": {}}', "iv"),
        ('{"symbol": "SYN", "features": {"moon": 1}}', "moon"),
    ],
)
def test_body_of_predict(server: Running, body, field):
    assert_problem(server.http.post(ASK, content=body), 400, field)


@pytest.mark.parametrize("route", [PREDICT, EXPLAIN])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "instances"),
        ({"instances": []}, "instances"),
        ({"instances": {}}, "instances"),
        ({"instances": [[1.0, 2.0]]}, "instances[0]"),
        ({"instances": [{}]}, "iv"),
        ({"instances": [{"moon": 1}]}, "moon"),
        ({"instances": [], "moon": 1}, "moon"),
    ],
)
def test_body_of_v1(server: Running, route, body, field):
    assert_problem(server.http.post(route, json=body), 400, field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shape": [2]}, "iv"),
        ({"shape": [1, 1]}, "iv"),
        ({"shape": [0], "data": []}, "iv"),
        ({"data": [1.0, 2.0]}, "iv"),
        ({"datatype": "INT64", "data": [1.5]}, "iv"),
        ({"datatype": "INT8", "data": [300]}, "iv"),
        ({"datatype": "UINT8", "data": [-1]}, "iv"),
        ({"datatype": "FP16"}, "iv"),
        ({"shape": "x"}, "inputs.0.shape"),
        ({"datatype": "BYTES"}, "iv"),
        ({"datatype": 64}, "inputs.0.datatype"),
        ({"name": "moon"}, "moon"),
        ({"name": "vix"}, "inputs"),
    ],
)
def test_input_of_v2(server: Running, served: Served, features, change, field):
    inputs = v2_inputs([features[served.as_of]])
    assert inputs[0]["name"] == "iv"
    inputs[0] |= change
    assert_problem(server.http.post(INFER, json={"inputs": inputs}), 400, field)


@pytest.mark.parametrize(
    "body", [{}, {"inputs": []}, {"inputs": 7}, {"inputs": [], "outputs": [{"name": "moon"}]}]
)
def test_body_of_v2_without_inputs(server: Running, body):
    assert server.http.post(INFER, json=body).json()["status"] == 400


@pytest.mark.parametrize("route", FORECASTING)
@pytest.mark.parametrize(
    "value",
    ["true", '"1"', "NaN", "-Infinity", "1e999", "1e7", "null", "[1]", "9" * 400, "-1e400"],
)
def test_value_that_is_no_finite_number(server: Running, served: Served, features, route, value):
    body = json.dumps(VALUES[route]({**features[served.as_of], "iv": "?"})).replace('"?"', value)
    assert_problem(server.http.post(route, content=body), 400, "iv")


def test_features_far_from_any_market_are_never_a_fault(server: Running, served, features):
    far = dict.fromkeys(features[served.as_of], 1e6)
    fields = {ASK: "features", PREDICT: "instances", EXPLAIN: "instances", INFER: "inputs"}
    for route, field in fields.items():
        assert_problem(server.http.post(route, json=VALUES[route](far)), 400, field)
