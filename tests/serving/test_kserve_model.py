import json
import math

import pytest

from tests.serving.live import SYMBOL, Running, Served, v2_inputs

PREDICT, EXPLAIN = "/v1/models/volcast:predict", "/v1/models/volcast:explain"
INFER = "/v2/models/volcast/infer"


def test_contributions_add_up_to_the_log_variance_of_every_session(server: Running, features):
    instances = {"instances": list(features.values())}
    names = server.names()
    predictions = server.http.post(PREDICT, json=instances).json()["predictions"]
    explanations = server.http.post(EXPLAIN, json=instances).json()["explanations"]
    assert len(predictions) == len(explanations) == len(features) > 900
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


@pytest.mark.parametrize("route", [PREDICT, EXPLAIN])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        ({}, "instances"),
        ({"instances": []}, "instances"),
        ({"instances": {}}, "instances"),
        ({"instances": [[1.0, 2.0]]}, "instances[0]"),
        ({"instances": [{}]}, "iv"),
        ({"instances": [{"moon": 1}]}, "moon"),
        ({"instances": [], "moon": 1}, "moon"),
    ],
)
def test_wrong_v1_body_is_a_problem_that_names_the_field(server: Running, route, body, field):
    answer = server.http.post(route, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize("value", [True, "1.0", None, math.nan, math.inf])
def test_v1_value_that_is_no_finite_number_is_refused_by_its_name(
    server: Running, served: Served, features, value
):
    body = json.dumps({"instances": [{**features[served.as_of], "iv": value}]})
    answer = server.http.post(PREDICT, content=body)
    assert (answer.status_code, answer.json()["field"]) == (400, "iv")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shape": [2]}, "iv"),
        ({"shape": [1, 1]}, "iv"),
        ({"shape": [0], "data": []}, "iv"),
        ({"shape": "x"}, "inputs.0.shape"),
        ({"data": [[1.0]]}, "iv"),
        ({"data": [True]}, "iv"),
        ({"data": [math.nan]}, "iv"),
        ({"datatype": "BYTES"}, "iv"),
        ({"datatype": 64}, "inputs.0.datatype"),
        ({"name": "moon"}, "moon"),
        ({"name": "vix"}, "inputs"),
    ],
)
def test_wrong_v2_input_is_a_problem_that_names_the_field(
    server: Running, served: Served, features, change, field
):
    inputs = v2_inputs([features[served.as_of]])
    assert inputs[0]["name"] == "iv"
    inputs[0] |= change
    answer = server.http.post(INFER, content=json.dumps({"inputs": inputs}))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{}", b'{"inputs": []}', b"{", b"\xff"])
def test_v2_body_that_is_no_request_is_a_problem(server: Running, body):
    answer = server.http.post(INFER, content=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == 400


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


def test_features_far_from_any_market_are_refused_and_never_a_fault(
    server: Running, served: Served, features
):
    far = dict.fromkeys(features[served.as_of], 1e6)
    for route in (PREDICT, EXPLAIN):
        assert server.http.post(route, json={"instances": [far]}).status_code in {200, 400}
    assert server.http.post(INFER, json={"inputs": v2_inputs([far])}).status_code == 400
    query = {"symbol": SYMBOL, "features": far}
    assert server.http.post("/predict", json=query).json()["field"] == "features"
