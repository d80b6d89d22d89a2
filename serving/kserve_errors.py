"""KServe's and FastAPI's errors as ours, for the paths that KServe answers."""

from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, ServerNotReady
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.problems import of_status, problem, unforeseen
from volcast.core.errors import ModelError, NotFound, RequestError, VolcastError

__all__ = ["register_errors"]

_KINDS = (
    VolcastError, HTTPException, RequestValidationError, InvalidInput, ModelNotFound,
    ModelNotReady, ServerNotReady, NotImplementedError, Exception,
)  # fmt: skip


def register_errors(app: Starlette) -> None:
    """Answer every exception of an application by application/problem+json."""
    for kind in _KINDS:
        app.add_exception_handler(kind, _respond)


async def _respond(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return of_status(HTTPStatus(error.status_code), (error.headers or {}).get("Allow"))
    ours = _ours(error)
    return unforeseen(error) if ours is None else problem(ours)


def _ours(error: Exception) -> VolcastError | None:
    if isinstance(error, VolcastError):
        return error
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        parts = [str(part) for part in first["loc"] if part not in {"body", "InferenceRequest"}]
        return _request_error(str(first["msg"]), ".".join(parts) or None)
    if isinstance(error, InvalidInput):
        return _request_error(str(error), None)
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


def _request_error(found: str, field: str | None) -> RequestError:
    return RequestError(
        found=found, expected="a request of the protocol", where=field or "body",
        remedy="Correct the body.", field=field,
    )  # fmt: skip
