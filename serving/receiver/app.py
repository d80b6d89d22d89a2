"""The receiver's routes."""

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from serving.auth import Guard
from serving.body import whole_body
from serving.problems import method_not_allowed, problem, unforeseen
from serving.receiver import metrics
from serving.receiver.metrics import Outcome
from serving.receiver.notification import parsed
from serving.receiver.request import Requests
from volcast.core.errors import Overloaded, RequestError, VolcastError

__all__ = ["application"]

_CLIENT_LEFT = 499


def application(requests: Requests, guard: Guard | None) -> Starlette:
    """Return the ASGI application; ``guard`` stands before ``/alerts`` alone."""
    return Starlette(
        routes=[
            Route("/alerts", _alerts(requests, guard), methods=["POST"]),
            Route("/metrics", _metrics, methods=["GET"]),
            Route("/", _live, methods=["GET"]),
        ],
        exception_handlers={405: _wrong_method, Exception: _unforeseen},
    )


def _alerts(requests: Requests, guard: Guard | None) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            if guard is not None:
                await guard.check(request.headers.raw)
            body = await whole_body(request.receive)
            if body is None:
                return Response(status_code=_CLIENT_LEFT)
            found = await requests.take(parsed(body))
        except VolcastError as error:
            metrics.count(_outcome(error))
            return problem(error)
        metrics.count(found.outcome)
        said = {"outcome": found.outcome, "reason": found.reason, "run": found.run}
        return JSONResponse(said, 202 if found.outcome == "asked" else 200)

    return answer


def _outcome(error: VolcastError) -> Outcome:
    if isinstance(error, RequestError):
        return "refused"
    return "busy" if isinstance(error, Overloaded) else "failed"


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)


async def _live(_: Request) -> Response:
    return PlainTextResponse("alive")


async def _wrong_method(_: Request, error: Exception) -> Response:
    headers = (error.headers or {}) if isinstance(error, HTTPException) else {}
    return method_not_allowed(headers.get("Allow", ""))


async def _unforeseen(_: Request, error: Exception) -> Response:
    return unforeseen(error)
