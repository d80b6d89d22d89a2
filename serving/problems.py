"""The error table: every failure of a request as application/problem+json."""

import json
import logging
from http import HTTPStatus
from traceback import format_exception

from starlette.responses import Response

from serving.events import emit
from volcast.core.errors import (
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

__all__ = ["method_not_allowed", "of_status", "problem", "unforeseen"]

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
    return of_status(HTTPStatus.METHOD_NOT_ALLOWED, allow)


def unforeseen(error: Exception) -> Response:
    """Return the response for what nobody foresaw; the log alone says what it was."""
    emit("request_failed", logging.ERROR, error=type(error).__name__, trace=format_exception(error))
    status, title = _FAULT
    return _respond(status, title, f"{title}. {_remedy(status)}", None)


def of_status(status: HTTPStatus, allow: str | None) -> Response:
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
