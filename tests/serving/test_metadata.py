"""The routes of KServe that are read, compared with those of KServe's own server."""

from types import SimpleNamespace

import fastapi
import kserve
import pytest
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.v1_endpoints import register_v1_endpoints
from kserve.protocol.rest.v2_endpoints import register_v2_endpoints
from starlette.testclient import TestClient

from serving.server import _pages
from serving.state import OUTPUTS, ServingState, VolcastModel
from tests.serving.live import READINESS
from volcast import __version__

NAMES = ("iv", "g1_less_iv")
SAME = (
    "/", "/v1/models", "/v2/health/live", "/v2/models", "/v2/models/volcast", *READINESS,
)  # fmt: skip


class Reference(kserve.Model):
    """A model of KServe's own server with the same inputs and outputs."""

    def get_input_types(self):
        return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in NAMES]

    def get_output_types(self):
        return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in OUTPUTS]


@pytest.fixture(scope="module")
def theirs() -> TestClient:
    models = kserve.ModelRepository()
    models.update(Reference("volcast"))
    models.get_model("volcast").ready = True
    app, dataplane = fastapi.FastAPI(), DataPlane(models)
    app.add_api_route("/", dataplane.live)
    register_v1_endpoints(app, dataplane, None)
    register_v2_endpoints(app, dataplane, None)
    return TestClient(app)


@pytest.fixture
def model() -> VolcastModel:
    forecaster = SimpleNamespace(signature=NAMES, optional=())
    champion = SimpleNamespace(forecaster=forecaster, version=SimpleNamespace(version="7"))
    model = VolcastModel()
    model.adopt(ServingState(champion, {}, {}))
    return model


@pytest.fixture
def ours(model: VolcastModel) -> TestClient:
    return TestClient(_pages(model, guarded=False))


@pytest.mark.parametrize("path", SAME)
def test_answers_are_those_of_kserves_own_server(ours: TestClient, theirs: TestClient, path):
    answer, reference = ours.get(path), theirs.get(path)
    assert answer.status_code == reference.status_code == 200
    assert answer.headers["content-type"] == reference.headers["content-type"]
    versions = {"versions": ["7"]} if path == "/v2/models/volcast" else {}
    assert answer.json() == {k: v for k, v in reference.json().items() if v is not None} | versions


def test_the_server_names_itself_its_version_and_the_binary_extension(ours: TestClient):
    assert ours.get("/v2").json() == {
        "name": "volcast", "version": __version__, "extensions": ["binary_tensor_data"],
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/v2/models/volcast", *READINESS])
def test_without_a_champion_a_path_is_a_problem(ours: TestClient, model: VolcastModel, path):
    model.adopt(ServingState(None, {}, {}))
    answer = ours.get(path)
    assert (answer.status_code, answer.json()["title"]) == (503, "No model ready")
    assert answer.json()["error"] == answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/models/other", "path"),
        ("/v2/models/other/ready", "path"),
        ("/v2/models/volcast/versions/7", "path"),
        ("/nowhere", "Not Found"),
    ],
)
def test_what_is_not_there_is_a_problem_that_names_the_path_to_use(ours, path, detail):
    answer = ours.get(path)
    assert (answer.status_code, answer.json()["detail"].startswith(detail)) == (404, True)
