"""The error table on KServe's application, for its errors, FastAPI's and ours."""

from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, ServerNotReady
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.problems import of_status, problem, unforeseen
from volcast.core.errors import ModelError, NotFound, RequestError, VolcastError

__all__ = ["register"]


async def _own(_: Request, error: Exception) -> Response:
    return problem(error) if isinstance(error, VolcastError) else await _unforeseen(_, error)


async def _http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _unforeseen(_, error)
    return of_status(HTTPStatus(error.status_code), (error.headers or {}).get("Allow"))


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
