import json
import math
import os
from collections.abc import Mapping

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

from serving.schemas import Explanations, Forecast, Inferred, Predictions
from tests.serving.live import FORECASTING, SYMBOL, Running, Served, v2_inputs
from volcast import registry

REQUESTS = int(os.environ.get("VOLCAST_FUZZ_REQUESTS", "100"))
"""Of each kind."""


def test_every_path_that_forecasts_is_described_with_an_example(server: Running):
    document = server.http.get("/openapi.json").json()
    assert tuple(document["paths"]) == FORECASTING
    features = document["components"]["schemas"]["Features"]
    assert features["required"] == server.names()


def test_every_example_of_a_request_is_answered(server: Running):
    for path, methods in server.http.get("/openapi.json").json()["paths"].items():
        if "requestBody" not in methods["post"]:
            continue
        content = methods["post"]["requestBody"]["content"]["application/json"]
        examples = [one["value"] for one in content.get("examples", {}).values()]
        for body in examples or [content["example"]]:
            assert server.http.post(path, json=body).status_code == 200, body


def test_the_example_of_a_row_is_one_that_the_model_was_checked_with(server: Running, served):
    path = "/v1/models/volcast:predict"
    body = server.http.get("/openapi.json").json()["paths"][path]["post"]["requestBody"]
    example = body["content"]["application/json"]["example"]
    (answer,) = server.http.post(path, json=example).json()["predictions"]
    golden = registry.verify(served.store, "1").forecaster.golden
    assert answer["rv_5d"] == pytest.approx(math.exp(golden["log_variance"][-1] / 2))


def test_answers_are_what_their_models_describe(server: Running, served: Served, features):
    row = features[served.as_of]
    rows = {"instances": [row, row]}
    past = {"symbol": SYMBOL, "as_of": served.predictions[0]["session"].isoformat()}
    requests = [
        ("/predict", {"symbol": SYMBOL}, Forecast),
        ("/predict", past, Forecast),
        ("/predict", {"symbol": SYMBOL, "features": row}, Forecast),
        ("/v1/models/volcast:predict", rows, Predictions),
        ("/v1/models/volcast:explain", rows, Explanations),
        ("/v2/models/volcast/infer", {"inputs": v2_inputs([row])}, Inferred),
    ]
    for path, body, model in requests:
        answer = server.http.post(path, json=body).json()
        assert model.model_validate(answer).model_dump(mode="json", by_alias=True) == answer


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


FUZZED = settings(
    max_examples=REQUESTS, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(5))
def test_generated_requests_are_answered_as_described_and_never_by_a_fault(
    server: Running, number: int
):
    """Half of them fit the document, half break it."""
    schema = schemathesis.openapi.from_dict(server.http.get("/openapi.json").json())
    operation = [operation.ok() for operation in schema.get_all_operations()][number]
    before = faults(server)
    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

        @settings(FUZZED, max_examples=REQUESTS // 2)
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case) -> None:
            response = case.call(base_url=str(server.http.base_url))
            assert response.status_code in {200, 400, 404, 405}, response.text
            case.validate_response(response, checks=CHECKS)

        ask()
    assert faults(server) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from(
    ["symbol", "as_of", "features", "instances", "inputs", "outputs", "id", "parameters"]
)
OBJECTS = st.dictionaries(NAMES, JSON | st.just(SYMBOL), max_size=4)
BODIES = {
    "bytes": st.binary(max_size=60) | OBJECTS.map(repr).map(str.encode),
    "json": (OBJECTS | JSON).map(lambda body: json.dumps(body).encode("utf-8", "surrogatepass")),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", BODIES)
@FUZZED
@given(data=st.data(), path=st.sampled_from(FORECASTING))
def test_any_body_is_answered_and_never_by_a_fault(server: Running, kind, data, path):
    body = data.draw(BODIES[kind])
    assert server.http.post(path, content=body).status_code in {200, 400, 404}


def faults(server: Running) -> float:
    counts: Mapping[str, float] = server.metrics()
    return sum(n for name, n in counts.items() if 'status="500"' in name)
