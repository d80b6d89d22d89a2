"""KServe's model server with our routes and errors, and nothing open by default."""

import asyncio
import contextlib
import gc
import socket
import sys
from datetime import UTC, datetime
from http import HTTPStatus

import fastapi
import orjson
import uvloop
from fastapi.exceptions import RequestValidationError
from kserve import ModelServer
from kserve.constants.constants import FASTAPI_APP_IMPORT_STRING
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, ServerNotReady
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import RESTServer, metrics_handler
from kserve.protocol.rest.v1_endpoints import register_v1_endpoints
from kserve.protocol.rest.v2_endpoints import register_v2_endpoints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.importer import import_from_string

from serving.application import Application
from serving.auth import Guard, guard_of
from serving.events import emit
from serving.lookup import OnlineFeatures
from serving.openapi import Document, page
from serving.predict import ForecastService
from serving.problems import of_status, problem, unforeseen
from serving.routes import ForecastRoutes, Workers
from serving.schemas import described
from serving.service import HeaderTimeoutProtocol, bound_socket
from serving.state import VolcastModel
from serving.watcher import ModelWatcher
from volcast.core.errors import ModelError, NotFound, RequestError, VolcastError
from volcast.core.settings import Settings
from volcast.data.sessions import require_session
from volcast.registry.versions import NAME
from volcast.store import Store

__all__ = ["serve"]

_ERRORS = (
    VolcastError, HTTPException, RequestValidationError, InvalidInput, ModelNotFound,
    ModelNotReady, ServerNotReady, NotImplementedError, Exception,
)  # fmt: skip


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
        """List no extension: models are loaded by promotion alone."""
        return {**super().metadata(), "extensions": []}


class _RestServer(RESTServer):  # type: ignore[misc]
    """KServe's REST server without its timing log, its error bodies and its repository routes."""

    routes: ForecastRoutes
    guard: Guard | None
    socket: socket.socket

    def create_application(self) -> None:
        """Make KServe's application, and put ours before it."""
        super().create_application()
        kserve: ASGIApp = import_from_string(FASTAPI_APP_IMPORT_STRING)
        self.config.app = Application(kserve, self.routes, self.guard)

    async def start(self) -> None:
        """Serve on the bound socket."""
        self.create_application()
        await self._server.serve(sockets=[self.socket])

    def _add_middlewares(self, app: fastapi.FastAPI) -> None:
        """Add none: KServe's times and logs each request."""

    def _add_exception_handlers(self, app: fastapi.FastAPI) -> None:
        for kind in _ERRORS:
            app.add_exception_handler(kind, _respond)

    def _register_endpoints(self, app: fastapi.FastAPI) -> None:
        # First, because FastAPI has an /openapi.json of its own, of KServe's routes alone.
        app.router.routes[:0] = [
            Route("/openapi.json", self._openapi, methods=["GET"]),
            Route("/docs", self._docs, methods=["GET"]),
        ]
        app.add_route("/v2/repository/{rest:path}", _not_found, methods=["GET", "POST"])
        app.add_route("/metrics", metrics_handler, methods=["GET"])
        app.add_api_route("/", self.dataplane.live)
        register_v1_endpoints(app, self.dataplane, None)
        register_v2_endpoints(app, self.dataplane, None)

    async def _openapi(self, _: Request) -> Response:
        return Response(orjson.dumps(self._described()), media_type="application/json")

    async def _docs(self, _: Request) -> Response:
        return Response(page(self._described()), media_type="text/html")

    def _described(self) -> Document:
        return described(self.dataplane.get_model_from_registry(NAME).state)


async def _not_found(_: Request) -> Response:
    raise HTTPException(404)


async def _respond(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return of_status(HTTPStatus(error.status_code), (error.headers or {}).get("Allow"))
    ours = _ours(error)
    return unforeseen(error) if ours is None else problem(ours)


def _ours(error: Exception) -> VolcastError | None:
    """Return an error of KServe or FastAPI as one of ours; None for an unexpected one."""
    if isinstance(error, VolcastError):
        return error
    if isinstance(error, RequestValidationError | InvalidInput):
        found, field = str(error), None
        if isinstance(error, RequestValidationError):
            first = error.errors()[0]
            parts = [str(part) for part in first["loc"] if part not in {"body", "InferenceRequest"}]
            found, field = str(first["msg"]), ".".join(parts) or None
        return RequestError(
            found=found, expected="a request of the protocol", where=field or "body",
            remedy="Correct the body.", field=field,
        )  # fmt: skip
    if isinstance(error, ModelNotReady | ServerNotReady):
        return ModelError(
            found="no champion", expected="a verified champion", where="server",
            remedy="Promote a version.",
        )  # fmt: skip
    # KServe raises NotImplementedError for a path with a version.
    if isinstance(error, ModelNotFound | NotImplementedError):
        return NotFound(
            found="an unknown model or version", expected="volcast, without a version",
            where="path", remedy="Use /v1/models/volcast or /v2/models/volcast.",
        )  # fmt: skip
    return None


class _Server(ModelServer):  # type: ignore[misc]
    """One worker that serves the watcher's model, and watches for a new champion meanwhile."""

    def __init__(
        self, watcher: ModelWatcher, routes: ForecastRoutes, guard: Guard | None,
        listener: socket.socket, grace_seconds: int,
    ) -> None:  # fmt: skip
        port = listener.getsockname()[1]
        super().__init__(
            http_port=port, workers=1, enable_grpc=False, enable_latency_logging=False,
            grace_period=grace_seconds,
        )  # fmt: skip
        self._watcher = watcher
        self.dataplane = _DataPlane(model_registry=self.registered_models)
        self.register_model(watcher.model)
        rest_server = _RestServer(
            FASTAPI_APP_IMPORT_STRING, self.dataplane, None, port, grace_period=grace_seconds
        )
        rest_server.config.http = HeaderTimeoutProtocol
        rest_server.routes, rest_server.guard, rest_server.socket = routes, guard, listener
        self._rest_server = rest_server

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        KServe's own ``start`` refuses a model that is not ready; this server starts, reports that
        it is not ready, and waits for a champion.
        """
        self.register_signal_handler()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        watching = asyncio.create_task(self._watcher.run())
        # A server that no longer watches would serve an old champion silently: it stops instead.
        watching.add_done_callback(self._stop_listening)
        try:
            await self._rest_server.start()
        finally:
            watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    def _stop_listening(self, _: asyncio.Task[None]) -> None:
        self._rest_server._server.should_exit = True


def serve(
    settings: Settings, host: str, port: int, *, watch_seconds: float, grace_seconds: int
) -> None:
    """Serve the store's champion until SIGTERM or SIGINT; without one, wait for one.

    Parameters
    ----------
    watch_seconds : float
        Between two checks of the store.
    grace_seconds : int
        For open requests at shutdown.

    Raises
    ------
    ConfigError
        If the address cannot be bound, or the settings of tokens are wrong.
    RequestError
        If the fixed session is not one that has closed.
    VolcastError
        If the store cannot be opened.
    """
    if settings.as_of is not None:
        require_session(settings.as_of, now=_now())
    guard = guard_of(settings)
    store, model = Store.open(settings.store), VolcastModel()
    watcher = ModelWatcher(
        store, model, OnlineFeatures(settings.store, settings.online_store),
        settings.resolved_universe, now=_now, as_of=settings.as_of, seconds=watch_seconds,
    )  # fmt: skip
    watcher.check()
    emit("serving", host=host, port=port, ready=bool(model.ready))
    # A worker thread gives way to the event loop this soon; by default it takes 250 times as long.
    sys.setswitchinterval(0.00002)
    # What exists now stays: the collector need not scan it again.
    gc.collect()
    gc.freeze()
    routes = ForecastRoutes(ForecastService(store, model), model, Workers())
    _Server(watcher, routes, guard, bound_socket(host, port), grace_seconds).run()


def _now() -> datetime:
    return datetime.now(UTC)
