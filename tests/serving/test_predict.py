import math
from datetime import timedelta

import pytest

from tests.serving.live import FORECASTING, SYMBOL, Running, Served, v2_inputs
from volcast.core.names import BASELINES

_, PREDICT, EXPLAIN, INFER = FORECASTING


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


def test_without_a_symbol_the_answer_is_that_of_the_target(server: Running, served: Served):
    past = {"as_of": served.predictions[0]["session"].isoformat()}
    for fields in ({}, past):
        named = server.http.get("/predict", params={"symbol": SYMBOL, **fields}).json()
        assert named["symbol"] == SYMBOL
        assert server.http.get("/predict", params=fields).json() == named
        for body in (fields, {"symbol": None, **fields}):
            assert server.http.post("/predict", json=body).json() == named


def test_every_past_session_is_answered_with_its_published_row_whose_parts_add_up(
    server: Running, served: Served
):
    for stored in served.predictions:
        query = {"symbol": SYMBOL, "as_of": stored["session"].isoformat()}
        answer = server.http.get("/predict", params=query).json()
        assert server.http.post("/predict", json=query).json() == answer
        assert answer["rv_5d"] == stored["rv_5d_hat"]
        assert answer["as_of"] == answer["features_as_of"] == query["as_of"]
        contributions = [driver["contribution"] for driver in answer["drivers"]]
        total = answer["base_log_variance"] + sum(contributions) + answer["others_contribution"]
        assert total == pytest.approx(math.log(answer["rv_5d"] ** 2), abs=1e-9)
        assert len(contributions) == 5
        assert contributions == sorted(contributions, key=abs, reverse=True)


def test_features_sent_are_answered_as_they_were_when_published(
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


def test_contributions_add_up_to_the_log_variance_of_every_session(server: Running, features):
    rows = list(features.values())[-900:]  # a body may have 1 MB
    instances, names = {"instances": rows}, server.names()
    predictions = server.http.post(PREDICT, json=instances).json()["predictions"]
    explanations = server.http.post(EXPLAIN, json=instances).json()["explanations"]
    assert len(predictions) == len(explanations) == len(rows) == 900
    for predicted, explained in zip(predictions, explanations, strict=True):
        total = explained["base_log_variance"] + sum(explained["contributions"].values())
        assert total == pytest.approx(predicted["log_variance"], abs=1e-5)
        assert total == pytest.approx(math.log(predicted["rv_5d"] ** 2), abs=1e-5)
        assert list(explained["contributions"]) == names


def test_v1_and_v2_answer_what_was_published(server: Running, served: Served, features):
    stored = served.predictions
    rows = [features[row["session"]] for row in stored]
    v1 = server.http.post(PREDICT, json={"instances": rows}).json()["predictions"]
    v2 = server.http.post(INFER, json={"inputs": v2_inputs(rows)}).json()
    outputs = {output["name"]: output["data"] for output in v2["outputs"]}
    for row, predicted, rv_5d, lo95 in zip(
        stored, v1, outputs["rv_5d"], outputs["lo95"], strict=True
    ):
        assert predicted["rv_5d"] == pytest.approx(row["rv_5d_hat"], abs=1e-9)
        assert predicted["intervals"]["0.80"] == pytest.approx([row["lo80"], row["hi80"]], abs=1e-9)
        assert rv_5d == pytest.approx(row["rv_5d_hat"], abs=1e-9)
        assert lo95 == pytest.approx(row["lo95"], abs=1e-9)
    assert v2["model_version"] == stored[0]["model_version"]


def test_v2_gives_the_outputs_asked_for(server: Running, served: Served, features):
    query = {"inputs": v2_inputs([features[served.as_of]]), "outputs": [{"name": "hi80"}]}
    answer = server.http.post(INFER, json=query).json()
    assert [output["name"] for output in answer["outputs"]] == ["hi80"]
    query["outputs"] = [{"name": "moon"}]
    assert server.http.post(INFER, json=query).status_code == 400


def test_metadata_lists_the_signature_and_the_version(server: Running, served: Served):
    metadata = server.http.get("/v2/models/volcast").json()
    assert {"name": "iv", "datatype": "FP64", "shape": [-1]} in metadata["inputs"]
    assert metadata["versions"] == [served.predictions[-1]["model_version"]]


def test_unknown_model_is_not_found(server: Running):
    for path in ("/v1/models/other", "/v2/models/other", "/v2/models/volcast/versions/9/ready"):
        answer = server.http.get(path)
        assert (answer.status_code, answer.json()["title"]) == (404, "Not found")
