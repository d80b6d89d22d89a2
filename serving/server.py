"""The model server: KServe's readiness and metadata, and the forecasting routes before them."""

import asyncio
import contextlib
import gc
import socket
import sys
from datetime import UTC, datetime
from functools import lru_cache, partial
from http import HTTPStatus

import fastapi
from kserve import ModelRepository
from kserve.errors import ModelNotFound, ModelNotReady, ServerNotReady
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import metrics_handler
from kserve.protocol.rest.v1_endpoints import register_v1_endpoints
from kserve.protocol.rest.v2_endpoints import register_v2_endpoints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.application import Application
from serving.auth import guard_of
from serving.docs import docs_routes
from serving.events import announce
from serving.lookup import OnlineFeatures
from serving.predict import ForecastService
from serving.problems import of_status, problem, unforeseen, unknown_model
from serving.routes import ForecastRoutes, Workers
from serving.schemas import described
from serving.service import announce_ready, asgi_server
from serving.state import VolcastModel
from serving.tracing import tracer_from_environment
from serving.watcher import ModelWatcher
from volcast.core.errors import ModelError, VolcastError
from volcast.core.settings import Settings
from volcast.data.sessions import require_session
from volcast.registry.versions import NAME
from volcast.store import Store

_KEEP_ALIVE_SECONDS = 65
"""Longer than load balancers keep an idle connection: the server never closes first."""


class _DataPlane(DataPlane):  # type: ignore[misc]
    """KServe's data plane, which reports readiness and the version served."""

    async def ready(self) -> bool:
        """Return whether the model is ready; KServe's own answer is always yes."""
        return bool(await self.model_ready(NAME))

    async def model_metadata(self, model_name: str) -> dict[str, object]:
        """Add the version served."""
        model = self.get_model_from_registry(model_name)
        metadata: dict[str, object] = await super().model_metadata(model_name)
        return {**metadata, "versions": [model.state.ready_champion.version.version]}

    def metadata(self) -> dict[str, object]:
        """List the extensions of V2; models are loaded by promotion alone."""
        return {**super().metadata(), "extensions": ["binary_tensor_data"]}


def _kserve(model: VolcastModel, *, guarded: bool) -> fastapi.FastAPI:
    """Return KServe's routes of one model, with our documentation and errors."""
    models = ModelRepository()
    models.update(model)
    dataplane = _DataPlane(models)
    errors = (
        VolcastError, HTTPException, ModelNotFound, ModelNotReady, ServerNotReady,
        NotImplementedError, Exception,
    )  # fmt: skip
    describe = lru_cache(maxsize=1)(partial(described, guarded=guarded))
    app = fastapi.FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        routes=[
            Route("/metrics", metrics_handler),
            *docs_routes(lambda: describe(model.state)),
        ],
        exception_handlers=dict.fromkeys(errors, _respond),
    )
    app.add_api_route("/", dataplane.live)
    register_v1_endpoints(app, dataplane, None)
    register_v2_endpoints(app, dataplane, None)
    return app


async def _respond(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return of_status(HTTPStatus(error.status_code), (error.headers or {}).get("Allow"))
    if isinstance(error, VolcastError):
        return problem(error)
    if isinstance(error, ModelNotReady | ServerNotReady):
        return problem(
            ModelError(
                found="no champion", expected="a verified champion", where="server",
                remedy="Promote a version.",
            )
        )  # fmt: skip
    # KServe raises NotImplementedError for a path with a version.
    if isinstance(error, ModelNotFound | NotImplementedError):
        return problem(unknown_model())
    return unforeseen(error)


def serve(
    settings: Settings, listener: socket.socket, *, watch_seconds: float, grace_seconds: int
) -> None:
    """Serve the store's champion until SIGTERM or SIGINT; without one, wait for one.

    The store is checked every ``watch_seconds``; at shutdown open requests have ``grace_seconds``.
    """
    now = partial(datetime.now, UTC)
    if settings.as_of is not None:
        require_session(settings.as_of, now=now())
    guard, tracer = guard_of(settings), tracer_from_environment()
    store, model = Store.open(settings.store), VolcastModel()
    watcher = ModelWatcher(
        store, model, OnlineFeatures(settings.store, settings.online_store),
        settings.resolved_universe, now=now, as_of=settings.as_of, seconds=watch_seconds,
    )  # fmt: skip
    watcher.check()
    if not model.ready:
        announce(
            "no_champion", "There is no verified champion yet, so forecasts are answered with 503. "
            "Run `volcast train`: what it promotes is served at once.", store=store.uri,
        )  # fmt: skip
    # A worker thread gives way to the event loop this soon; by default it takes 250 times as long.
    sys.setswitchinterval(0.00002)
    # What exists now stays: the collector need not scan it again.
    gc.collect()
    gc.freeze()
    routes = ForecastRoutes(ForecastService(store, model, now), model, Workers())
    application = Application(_kserve(model, guarded=guard is not None), routes, guard, tracer)
    sentence = "volcast API on {url} (docs at {url}/docs)"
    server = asgi_server(
        application, partial(announce_ready, "serving", sentence, listener),
        timeout_keep_alive=_KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=grace_seconds,
    )  # fmt: skip

    async def run() -> None:
        watching = asyncio.create_task(watcher.run())
        # A server that no longer watches would serve an old champion silently: it stops instead.
        watching.add_done_callback(lambda _: setattr(server, "should_exit", True))
        try:
            await server.serve(sockets=[listener])
        finally:
            watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(run())
