import math
from datetime import timedelta

import pytest

from tests.serving.live import SYMBOL, Running, Served
from volcast.core.names import BASELINES


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
