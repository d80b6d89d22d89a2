"""The model server: the forecasting routes, and the pages that describe it behind them."""

import asyncio
import contextlib
import gc
import socket
import sys
from datetime import UTC, datetime
from functools import lru_cache, partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.application import Application
from serving.auth import guard_of
from serving.docs import docs_routes
from serving.events import announce
from serving.lookup import OnlineFeatures
from serving.metadata import metadata_routes
from serving.predict import ForecastService
from serving.problems import not_found, of_status, problem, unforeseen
from serving.routes import ForecastRoutes, Workers
from serving.schemas import described
from serving.service import announce_ready, asgi_server
from serving.state import VolcastModel
from serving.tracing import tracer_from_environment
from serving.watcher import ModelWatcher
from volcast.core.errors import VolcastError
from volcast.core.settings import Settings
from volcast.data.sessions import require_session
from volcast.store import Store

_KEEP_ALIVE_SECONDS = 65
"""Longer than load balancers keep an idle connection: the server never closes first."""


def _pages(model: VolcastModel, *, guarded: bool) -> Starlette:
    """Return the pages of one model: metadata, metrics and documentation."""
    describe = lru_cache(maxsize=1)(partial(described, guarded=guarded))
    app = Starlette(
        routes=[*metadata_routes(model), *docs_routes(lambda: describe(model.state))],
        exception_handlers=dict.fromkeys((VolcastError, HTTPException, Exception), _respond),
    )
    app.router.redirect_slashes = False
    return app


async def _respond(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        if error.status_code == HTTPStatus.NOT_FOUND:
            return not_found(request.url.path)
        return of_status(HTTPStatus(error.status_code), (error.headers or {}).get("Allow"))
    return problem(error) if isinstance(error, VolcastError) else unforeseen(error)


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
    application = Application(_pages(model, guarded=guard is not None), routes, guard, tracer)
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
