"""KServe's model server, with our routes, our error table and nothing that is open by default."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import fastapi
import orjson
import uvloop
from kserve import ModelServer
from kserve.constants.constants import FASTAPI_APP_IMPORT_STRING
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import RESTServer, metrics_handler
from kserve.protocol.rest.v1_endpoints import register_v1_endpoints
from kserve.protocol.rest.v2_endpoints import register_v2_endpoints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.importer import import_from_string

from serving.auth import Guard
from serving.edge import Edge
from serving.events import emit
from serving.follow import Follower
from serving.handlers import register
from serving.lookup import OnlineFeatures
from serving.model import VolcastModel
from serving.openapi import page
from serving.patience import PatientProtocol
from serving.plane import Plane, Workers
from serving.predict import Answers
from serving.schemas import described
from serving.service import bound_socket
from serving.state import InService
from volcast.core.settings import Settings
from volcast.data.sessions import require_session
from volcast.registry.versions import NAME
from volcast.store import Store

__all__ = ["Listen", "Server", "serve"]


class _Plane(DataPlane):  # type: ignore[misc]
    """KServe's data plane, honest about readiness."""

    async def ready(self) -> bool:
        """Say whether the model is ready; KServe's own answer is always yes."""
        return bool(await self.model_ready(NAME))

    async def model_metadata(self, model_name: str) -> dict[str, object]:
        """Add the version in service."""
        model = self.get_model_from_registry(model_name)
        found: dict[str, object] = await super().model_metadata(model_name)
        return {**found, "versions": [model.state.ready_champion.version.version]}

    def metadata(self) -> dict[str, object]:
        """Claim no extension: models are loaded by promotion alone."""
        return {**super().metadata(), "extensions": []}


class _Rest(RESTServer):  # type: ignore[misc]
    """KServe's REST server without its timing log, its error bodies and its repository routes."""

    plane: Plane
    guard: Guard | None
    socket: socket.socket

    def create_application(self) -> None:
        """Make KServe's application, and serve it from behind our edge."""
        super().create_application()
        app = import_from_string(FASTAPI_APP_IMPORT_STRING)
        self.config.app = Edge(app, self.plane, self.guard)

    async def start(self) -> None:
        """Serve on the socket that was bound."""
        self.create_application()
        await self._server.serve(sockets=[self.socket])

    def _add_middlewares(self, app: fastapi.FastAPI) -> None:
        """Add none: KServe's times and logs each request."""

    def _add_exception_handlers(self, app: fastapi.FastAPI) -> None:
        register(app)

    def _register_endpoints(self, app: fastapi.FastAPI) -> None:
        # First, because FastAPI has an /openapi.json of its own, of KServe's routes alone.
        app.router.routes[:0] = [
            Route("/openapi.json", self._document, methods=["GET"]),
            Route("/docs", self._page, methods=["GET"]),
        ]
        app.add_route("/v2/repository/{rest:path}", _closed, methods=["GET", "POST"])
        app.add_route("/metrics", metrics_handler, methods=["GET"])
        app.add_api_route("/", self.dataplane.live)
        register_v1_endpoints(app, self.dataplane, None)
        register_v2_endpoints(app, self.dataplane, None)

    async def _document(self, _: Request) -> Response:
        return Response(orjson.dumps(described(self._state())), media_type="application/json")

    async def _page(self, _: Request) -> Response:
        return Response(page(described(self._state())), media_type="text/html")

    def _state(self) -> InService:
        state: InService = self.dataplane.get_model_from_registry(NAME).state
        return state


async def _closed(_: Request) -> Response:
    raise HTTPException(404)


@dataclass(frozen=True)
class Listen:
    """Where to listen and to whom, and how long requests may take when told to stop."""

    host: str
    port: int
    grace_seconds: int
    guard: Guard | None = None


class Server(ModelServer):  # type: ignore[misc]
    """One worker that serves one model over HTTP, and follows the champion while it does.

    Parameters
    ----------
    follower : Follower
        Whose model is served.
    plane : Plane
        Answers what forecasts.
    listen : Listen
    """

    def __init__(self, follower: Follower, plane: Plane, listen: Listen) -> None:
        super().__init__(
            http_port=listen.port,
            workers=1,
            enable_grpc=False,
            enable_latency_logging=False,
            grace_period=listen.grace_seconds,
        )
        self._follower = follower
        self.dataplane = _Plane(model_registry=self.registered_models)
        self.register_model(follower.model)
        self._rest_server = _Rest(
            FASTAPI_APP_IMPORT_STRING,
            self.dataplane,
            None,
            listen.port,
            grace_period=listen.grace_seconds,
        )
        self._rest_server.config.http = PatientProtocol
        self._rest_server.plane = plane
        self._rest_server.guard = listen.guard
        self._rest_server.socket = bound_socket(listen.host, listen.port)

    def run(self) -> None:
        """Serve until told to stop by SIGTERM or SIGINT.

        KServe's own ``start`` refuses a model that is not ready yet; here the server starts, says
        so, and waits for a champion.
        """
        self.register_signal_handler()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        following = asyncio.create_task(self._follower.run())
        # A server that no longer follows would serve an old champion silently: it stops instead.
        following.add_done_callback(self._stop_listening)
        try:
            await self._rest_server.start()
        finally:
            following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following

    def _stop_listening(self, _: asyncio.Task[None]) -> None:
        self._rest_server._server.should_exit = True


def serve(
    settings: Settings, listen: Listen, now: Callable[[], datetime], follow_seconds: float
) -> None:
    """Serve the store's champion until told to stop.

    Parameters
    ----------
    settings : Settings
        The store, the universe, and the fixed clock if there is one.
    listen : Listen
    now : callable
        The time of day, in UTC.
    follow_seconds : float
        Between two looks at the store.

    Raises
    ------
    RequestError
        If the fixed clock is not a session that has closed.
    VolcastError
        If the store cannot be opened at all. Without a champion the server starts, and waits.
    """
    if settings.as_of is not None:
        require_session(settings.as_of, now=now())
    store = Store.open(settings.store)
    features = OnlineFeatures(settings.store, settings.online_store)
    model = VolcastModel()
    follower = Follower(
        store,
        model,
        features,
        settings.resolved_universe,
        now=now,
        as_of=settings.as_of,
        seconds=follow_seconds,
    )
    follower.look()
    emit("serving", host=listen.host, port=listen.port, ready=bool(model.ready))
    # A thread at work gives way to the event loop this soon; by default ten times as late.
    sys.setswitchinterval(0.00002)
    # What was made so far stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    Server(follower, Plane(Answers(store, model), model, Workers()), listen).run()
