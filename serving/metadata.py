"""The routes of KServe's V1 and V2 that are read: readiness, and what the model takes and gives."""

from collections.abc import Callable, Sequence

import orjson
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.state import OUTPUTS, ServingState, VolcastModel
from volcast import __version__
from volcast.registry.versions import NAME


def metadata_routes(model: VolcastModel) -> list[BaseRoute]:
    """Return the routes that describe the server and what it serves; without a champion 503."""

    def route(path: str, answer: Callable[[ServingState], object]) -> Route:
        async def respond(_: Request) -> Response:
            return Response(orjson.dumps(answer(model.state)), media_type="application/json")

        return Route(path, respond)

    return [
        Route("/metrics", _metrics),
        route("/", lambda _: {"status": "alive"}),
        route("/v1/models", _models),
        route(f"/v1/models/{NAME}", _model_ready),
        route("/v2", _server),
        route("/v2/health/live", lambda _: {"live": True}),
        route("/v2/health/ready", _ready),
        route("/v2/models", _models),
        route(f"/v2/models/{NAME}", _model),
        route(f"/v2/models/{NAME}/ready", _model_ready),
    ]


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})


def _models(_: ServingState) -> object:
    return {"models": [NAME]}


def _server(_: ServingState) -> object:
    return {"name": NAME, "version": __version__, "extensions": ["binary_tensor_data"]}


def _ready(state: ServingState) -> dict[str, object]:
    return {"ready": state.ready_champion is not None}


def _model_ready(state: ServingState) -> object:
    return {"name": NAME, **_ready(state)}


def _model(state: ServingState) -> object:
    return {
        "name": NAME,
        "versions": [state.ready_champion.version.version],
        "platform": "",
        "inputs": _tensors(state.signature.names),
        "outputs": _tensors(OUTPUTS),
    }


def _tensors(names: Sequence[str]) -> list[dict[str, object]]:
    return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in names]
