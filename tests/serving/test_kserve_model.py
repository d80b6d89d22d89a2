import math

import pytest

from tests.serving.live import Running, Served, v2_inputs

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
