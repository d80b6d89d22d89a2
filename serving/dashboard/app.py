"""The dashboard's one route; a page is written at most once a minute for each of its views."""

import time
from functools import lru_cache
from threading import Lock

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from serving.dashboard.facts import Facts
from serving.dashboard.page import render
from volcast.core.settings import Universe
from volcast.store import Store

__all__ = ["application"]

_SECONDS = 60
_HEADERS = {
    # The page runs no script and loads nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    "Cache-Control": "no-cache",
}


def application(store: Store, universe: Universe, base_path: str = "") -> Starlette:
    """Return the ASGI application; ``universe`` is of a store that does not record its own.

    It answers at its root and, for a proxy that does not strip it, below ``base_path``.
    """
    turn = Lock()
    facts_of = lru_cache(maxsize=16)(lambda _, symbol: Facts(store, universe, symbol))

    @lru_cache(maxsize=64)
    def written(now: int, symbol: str, span: str, loss: str) -> tuple[int, str]:
        return render(facts_of(now, symbol), span, loss)

    def page(request: Request) -> Response:
        wishes = (request.query_params.get(name, "") for name in ("symbol", "span", "loss"))
        with turn:
            status, html = written(int(time.monotonic() // _SECONDS), *wishes)
        return HTMLResponse(html, status, _HEADERS)

    async def alive(_: Request) -> Response:  # does not wait for a thread
        return PlainTextResponse("alive")

    written(0, "", "", "")  # the first reader need not wait for the renderer to start
    app = Starlette(
        routes=[
            # The page's links are queries alone, so that it works with the slash and without.
            *(Route(path, page) for path in ("/", base_path, f"{base_path}/") if path),
            *(Route(f"{path}/alive", alive) for path in {"", base_path}),
        ],
        middleware=[Middleware(GZipMiddleware)],
    )
    app.router.redirect_slashes = False  # a redirect would name this server's own address
    return app
