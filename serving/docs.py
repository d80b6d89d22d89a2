"""What describes a service: /openapi.json, and at /docs Swagger UI, which can send requests."""

from collections.abc import Callable

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from serving.openapi import Document

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
}
"""Nothing is loaded from elsewhere, and nothing in the page is run but files of this server."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>volcast API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body></html>
"""

_START = """
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark-mode", dark);
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true,
  defaultModelsExpandDepth: -1, validatorUrl: "none",
});
"""


def docs_routes(describe: Callable[[], Document]) -> list[BaseRoute]:
    """Return the routes that show the document ``describe`` returns at each request."""

    async def openapi(_: Request) -> Response:
        return Response(orjson.dumps(describe()), media_type="application/json")

    async def page(_: Request) -> Response:
        return HTMLResponse(_PAGE, headers=_HEADERS)

    async def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    return [
        Route("/openapi.json", openapi),
        Route("/docs", page),
        Route("/docs/start.js", start),
        Mount("/docs", StaticFiles(packages=[("fastapi_offline", "static")])),
    ]
