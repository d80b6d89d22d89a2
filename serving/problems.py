"""Every failure of a request as application/problem+json."""

import json
import logging
from http import HTTPStatus
from traceback import format_exception

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.events import emit
from volcast.core.errors import NotFound, Overloaded, VolcastError
from volcast.registry.versions import NAME

_RETRY_SECONDS = 5

_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"www-authenticate": "Bearer"},
    HTTPStatus.REQUEST_TIMEOUT: {"connection": "close"},
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: {"accept-encoding": "gzip, deflate"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"retry-after": str(_RETRY_SECONDS)},
}


class _Problem(Response):
    """A problem document; on the paths of V1 and V2 it has its detail as ``error`` too."""

    media_type = "application/problem+json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(("/v1", "/v2")):
            document = json.loads(bytes(self.body))
            self.body = self.render(json.dumps(document | {"error": document["detail"]}))
            self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def not_found(path: str) -> Response:
    """Return the response for an unknown path; on those of V1 and V2, with the name to use."""
    if not path.startswith(("/v1/models/", "/v2/models/")):
        return of_status(HTTPStatus.NOT_FOUND, None)
    return problem(
        NotFound(
            found="an unknown model or version", expected=f"{NAME}, without a version",
            where="path", remedy=f"Use /v1/models/{NAME} or /v2/models/{NAME}.",
        )
    )  # fmt: skip


def problem(error: VolcastError, hidden: str | None = None) -> Response:
    """Return the response for one of volcast's own errors, by the status and title of its class.

    ``hidden``, such as the store's address, is not shown.
    """
    status = HTTPStatus(error.http_status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Overloaded):
        emit("request_failed", logging.WARNING, error=type(error).__name__, detail=str(error))
    shown = str(error) if hidden is None else str(error).replace(hidden, "the store")
    detail = shown if error.for_client else _in_the_log(error.title, status)
    return _respond(status, error.title, detail, error.field)


def unforeseen(error: Exception) -> Response:
    """Return the response for an unexpected exception; only the log has its traceback."""
    emit("request_failed", logging.ERROR, error=type(error).__name__, trace=format_exception(error))
    status, title = HTTPStatus(VolcastError.http_status), VolcastError.title
    return _respond(status, title, _in_the_log(title, status), None)


def of_status(status: HTTPStatus, allow: str | None) -> Response:
    """Return the response for an HTTP status alone, with the methods that are allowed."""
    return _respond(status, status.phrase, f"{status.phrase}. {status.description}", None, allow)


def _in_the_log(title: str, status: HTTPStatus) -> str:
    retry = status == HTTPStatus.SERVICE_UNAVAILABLE
    return f"{title}. {'Try again later; the' if retry else 'The'} server's log has the cause."


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
    headers = _HEADERS.get(status, {}) | ({} if allow is None else {"allow": allow})
    return _Problem(json.dumps(body), status, headers)
