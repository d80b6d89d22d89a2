"""The error table: every failure of a request as application/problem+json."""

import json
import logging
from http import HTTPStatus
from traceback import format_exception

from fastapi.exceptions import RequestValidationError
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, ServerNotReady
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.events import emit
from volcast.errors import (
    ContractError,
    ModelError,
    NotFound,
    Overloaded,
    RequestError,
    RequestTooLarge,
    RequestTooSlow,
    SourceUnavailable,
    StaleInput,
    StoreUnavailable,
    Unauthorized,
    VolcastError,
)

__all__ = ["method_not_allowed", "problem", "register", "unforeseen"]

_RETRY_SECONDS = 5

_TABLE: tuple[tuple[type[VolcastError], HTTPStatus, str], ...] = (
    (Unauthorized, HTTPStatus.UNAUTHORIZED, "Not authorized"),
    (RequestTooSlow, HTTPStatus.REQUEST_TIMEOUT, "Body too slow"),
    (RequestTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body too large"),
    (RequestError, HTTPStatus.BAD_REQUEST, "Bad request"),
    (NotFound, HTTPStatus.NOT_FOUND, "Not found"),
    (Overloaded, HTTPStatus.SERVICE_UNAVAILABLE, "Overloaded"),
    (StaleInput, HTTPStatus.SERVICE_UNAVAILABLE, "Stale features"),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE, "No model ready"),
    (SourceUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, "Source unavailable"),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, "Store unavailable"),
    (ContractError, HTTPStatus.SERVICE_UNAVAILABLE, "Stored data unusable"),
)
"""First match wins. What is stored may be broken, but that is no fault of a request: 503."""

_FAULT = (HTTPStatus.INTERNAL_SERVER_ERROR, "Server fault")

_OPEN = (RequestError, NotFound, StaleInput, Overloaded)
"""Errors whose whole message is for the client; others may speak of paths and are only logged."""


def problem(error: VolcastError) -> Response:
    """Return the response for one of volcast's own errors."""
    status, title = _entry(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Overloaded):
        emit("request_failed", logging.WARNING, error=type(error).__name__, detail=str(error))
    detail = str(error) if isinstance(error, _OPEN) else f"{title}. {_remedy(status)}"
    return _respond(status, title, detail, error.field)


def method_not_allowed(allow: str) -> Response:
    """Return the response for a method that a path does not take."""
    return _bare(HTTPStatus.METHOD_NOT_ALLOWED, allow)


def unforeseen(error: Exception) -> Response:
    """Return the response for what nobody foresaw; the log alone says what it was."""
    emit("request_failed", logging.ERROR, error=type(error).__name__, trace=format_exception(error))
    status, title = _FAULT
    return _respond(status, title, f"{title}. {_remedy(status)}", None)


def _bare(status: HTTPStatus, allow: str | None) -> Response:
    """Return the response for a status that speaks for itself."""
    return _respond(status, status.phrase, f"{status.phrase}. {status.description}", None, allow)


def _entry(error: VolcastError) -> tuple[HTTPStatus, str]:
    for kind, status, title in _TABLE:
        if isinstance(error, kind):
            return status, title
    return _FAULT


def _remedy(status: HTTPStatus) -> str:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "Try again later; the server's log has the cause."
    return "The server's log has the cause."


def _respond(
    status: HTTPStatus, title: str, detail: str, field: str | None, allow: str | None = None
) -> Response:
    body = {
        "type": f"urn:volcast:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "field": field,
    }
    headers = {} if allow is None else {"allow": allow}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if status == HTTPStatus.REQUEST_TIMEOUT:
        headers["connection"] = "close"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(_RETRY_SECONDS)
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")


async def _own(_: Request, error: Exception) -> Response:
    return problem(error) if isinstance(error, VolcastError) else await _unforeseen(_, error)


async def _http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _unforeseen(_, error)
    return _bare(HTTPStatus(error.status_code), (error.headers or {}).get("Allow"))


async def _schema(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError) or not error.errors():
        return await _unforeseen(_, error)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in {"body", "InferenceRequest"})
    return problem(
        RequestError(
            found=str(first["msg"]),
            expected="a request of the V2 protocol",
            where=field or "body",
            remedy="Mend the body.",
            field=field or None,
        )
    )


async def _invalid(_: Request, error: Exception) -> Response:
    return problem(
        RequestError(
            found=str(error),
            expected="a request of the protocol",
            where="body",
            remedy="Mend the body.",
        )
    )


async def _unknown_model(_: Request, __: Exception) -> Response:
    return problem(
        NotFound(
            found="an unknown model",
            expected="volcast",
            where="path",
            remedy="Ask for the model named volcast.",
        )
    )


async def _not_ready(_: Request, __: Exception) -> Response:
    return problem(
        ModelError(
            found="no champion in service",
            expected="a verified champion",
            where="server",
            remedy="Promote a version.",
        )
    )


async def _no_versions(_: Request, __: Exception) -> Response:
    return problem(
        NotFound(
            found="a version in the path",
            expected="the champion",
            where="path",
            remedy="Leave /versions/... out; the champion is the version in service.",
        )
    )


async def _unforeseen(_: Request, error: Exception) -> Response:
    return unforeseen(error)


def register(app: Starlette) -> None:
    """Register the table on an application; call after KServe's own handlers, if any."""
    app.add_exception_handler(VolcastError, _own)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _schema)
    app.add_exception_handler(InvalidInput, _invalid)
    app.add_exception_handler(ModelNotFound, _unknown_model)
    app.add_exception_handler(ModelNotReady, _not_ready)
    app.add_exception_handler(ServerNotReady, _not_ready)
    app.add_exception_handler(NotImplementedError, _no_versions)
    app.add_exception_handler(Exception, _unforeseen)
