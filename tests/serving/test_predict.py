import json
import math
from datetime import timedelta

import pytest

from tests.serving.live import SYMBOL, Running, Served
from volcast.core.names import BASELINES


def log_variance(answer: dict) -> float:
    drivers = sum(driver["contribution"] for driver in answer["drivers"])
    return answer["base_log_variance"] + drivers + answer["others_contribution"]


def test_answer_is_the_published_forecast_of_the_newest_session(server: Running, served: Served):
    stored = served.predictions[-1]
    answer = server.http.get("/predict", params={"symbol": SYMBOL}).json()
    assert answer["rv_5d"] == pytest.approx(stored["rv_5d_hat"], abs=1e-9)
    assert answer["intervals"] == {
        "0.80": pytest.approx([stored["lo80"], stored["hi80"]], abs=1e-9),
        "0.95": pytest.approx([stored["lo95"], stored["hi95"]], abs=1e-9),
    }
    assert answer["baselines"] == {
        {"har_rv": "har"}.get(name, name): pytest.approx(stored[f"baseline_{name}"], abs=1e-9)
        for name in BASELINES
    }
    assert answer["as_of"] == answer["features_as_of"] == served.as_of.isoformat()
    assert answer["target"] == {
        "from": stored["target_from"].isoformat(),
        "to": stored["target_to"].isoformat(),
        "sessions": 5,
    }
    assert answer["model"] == {"name": "volcast", "version": stored["model_version"]}
    assert (answer["stale"], answer["age_sessions"]) == (False, 0)
    states = ("calm", "normal", "stressed")
    reported = {state: pytest.approx(stored[f"p_{state}"], abs=1e-9) for state in states}
    assert answer["regime"] == {"label": stored["regime"], "probabilities": reported}
    assert stored["regime"] == max(states, key=lambda state: stored[f"p_{state}"])


def test_every_past_session_is_answered_with_its_published_row(server: Running, served: Served):
    for stored in served.predictions:
        query = {"symbol": SYMBOL, "as_of": stored["session"].isoformat()}
        answer = server.http.get("/predict", params=query).json()
        assert answer["rv_5d"] == stored["rv_5d_hat"]
        assert answer["as_of"] == answer["features_as_of"] == query["as_of"]


def test_given_features_are_answered_as_they_were_when_published(
    server: Running, served: Served, features
):
    for stored in served.predictions:
        day = stored["session"]
        query = {"symbol": SYMBOL, "as_of": day.isoformat(), "features": features[day]}
        answer = server.http.post("/predict", json=query).json()
        assert answer["rv_5d"] == pytest.approx(stored["rv_5d_hat"], abs=1e-9)
        assert answer["regime"] is None
        seen = [driver["feature"] for driver in answer["drivers"]]
        assert seen == [driver["feature"] for driver in stored["drivers"]]


def test_parts_of_the_answer_add_up_to_its_log_variance(server: Running, served: Served):
    for stored in served.predictions:
        query = {"symbol": SYMBOL, "as_of": stored["session"].isoformat()}
        answer = server.http.post("/predict", json=query).json()
        assert log_variance(answer) == pytest.approx(math.log(answer["rv_5d"] ** 2), abs=1e-9)
        sizes = [abs(driver["contribution"]) for driver in answer["drivers"]]
        assert len(sizes) == 5
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({}, 400, "symbol"),
        ({"symbol": ""}, 400, "symbol"),
        ({"symbol": "NOPE"}, 404, "symbol"),
        ({"symbol": SYMBOL, "as_of": "yesterday"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "20051230"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "2005-02-30"}, 400, "as_of"),
        ({"symbol": SYMBOL, "as_of": "1999-12-31"}, 404, "as_of"),
        ({"symbol": SYMBOL, "as_of": "2005-12-25"}, 400, "as_of"),
        ({"symbol": SYMBOL, "horizon": "5"}, 400, "horizon"),
        ([("symbol", SYMBOL), ("symbol", SYMBOL)], 400, "symbol"),
    ],
)
def test_wrong_query_is_a_problem_that_names_the_field(server: Running, query, status, field):
    answer = server.http.get("/predict", params=query)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.json()["field"] == field
    assert {"type", "title", "detail"} < set(answer.json())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"[]", None),
        (b'"SYN"', None),
        (b"\xff", None),
        (b'{"symbol": "SYN"', None),
        (b"[" * 100_000, None),
        (b'{"symbol": 1}', "symbol"),
        (b'{"symbol": "SYN", "as_of": 20051230}', "as_of"),
        (b'{"symbol": "SYN", "symbol": "SYN"}', "symbol"),
        (b'{"symbol": "SYN", "features": {"iv": 1, "moon": 1, "iv": 2}}', "iv"),
        (b'{"symbol": "SYN", "extra": 1}', "extra"),
        (b'{"symbol": "SYN", "features": []}', "features"),
        (b'{"symbol": "SYN", "features": {}}', "iv"),
        (b'{"symbol": "SYN", "features": {"moon": 1}}', "moon"),
    ],
)
def test_wrong_body_is_a_problem_that_names_the_field(server: Running, body, field):
    answer = server.http.post("/predict", content=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize(
    "value", ["true", '"1"', "NaN", "-Infinity", "1e999", "1e7", "null", "[1]"]
)
def test_feature_that_is_no_finite_number_is_refused_by_its_name(
    server: Running, served: Served, features, value
):
    values = json.dumps({**features[served.as_of], "iv": "?"}).replace('"?"', value)
    body = f'{{"symbol": "{SYMBOL}", "features": {values}}}'
    answer = server.http.post("/predict", content=body)
    assert (answer.status_code, answer.json()["field"]) == (400, "iv")


def test_optional_feature_may_be_null_and_its_baseline_is_then_null(
    server: Running, served: Served, features
):
    values = {**features[served.as_of], "vix": None}
    answer = server.http.post("/predict", json={"symbol": SYMBOL, "features": values})
    assert answer.status_code == 200
    assert answer.json()["baselines"]["vix"] is None


def test_features_for_a_day_without_trading_are_refused(server: Running, served: Served, features):
    sunday = served.as_of + timedelta(days=6 - served.as_of.weekday())
    query = {"symbol": SYMBOL, "as_of": sunday.isoformat(), "features": features[served.as_of]}
    assert server.http.post("/predict", json=query).status_code == 400
