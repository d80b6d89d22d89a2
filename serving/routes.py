"""The paths that forecast, answered from bytes to bytes before any framework is entered.

KServe's routes cost four times what the model does: pydantic models of each request, a header map,
a response class, three middlewares.
"""

from collections.abc import Callable
from urllib.parse import parse_qsl

import orjson

from serving import protocols
from serving.model import VolcastModel
from serving.predict import ForecastRequest, ForecastService
from serving.state import ServingState
from serving.workers import Workers
from volcast.registry.versions import NAME

__all__ = ["ForecastRoutes"]

_SMALL = 16_384
"""Bytes of a body that is answered in the event loop; larger ones go to a worker thread."""

_CACHED = 256

_PREDICT = "/predict"
_PROTOCOLS: dict[str, Callable[[ServingState, bytes], bytes]] = {
    f"/v1/models/{NAME}:predict": protocols.predict,
    f"/v1/models/{NAME}:explain": protocols.explain,
    f"/v2/models/{NAME}/infer": protocols.infer,
}


class ForecastRoutes:
    """Answers one request of a forecasting path.

    Parameters
    ----------
    service : ForecastService
        For /predict.
    model : VolcastModel
        Has the state that is served.
    workers : Workers
    """

    def __init__(self, service: ForecastService, model: VolcastModel, workers: Workers) -> None:
        self._service, self._model, self._workers = service, model, workers
        self._cache: dict[bytes, bytes] = {}
        self._cache_state: ServingState | None = None

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path takes here; none for other paths."""
        if path == _PREDICT:
            return ("GET", "HEAD", "POST")
        return ("POST",) if path in _PROTOCOLS else ()

    async def answer(self, path: str, method: str, query: bytes, body: bytes) -> bytes:
        """Return the JSON body of the answer.

        Raises
        ------
        VolcastError
            Whatever is wrong with the request or with what it needs.
        """
        if method != "POST":
            return await self._answer_query(query)
        large = len(body) > _SMALL
        if path == _PREDICT:
            parse = ForecastRequest.of_body
            return await self._forecast(
                await self._workers.run(parse, body) if large else parse(body)
            )
        respond = _PROTOCOLS[path]
        if large or respond is protocols.explain:
            return await self._workers.run(respond, self._model.state, body)
        return respond(self._model.state, body)

    async def _answer_query(self, query: bytes) -> bytes:
        state = self._model.state
        if state is not self._cache_state:
            self._cache, self._cache_state = {}, state
        answer = self._cache.get(query)
        if answer is None:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
            request = ForecastRequest.of_query(pairs)
            answer = await self._forecast(request)
            # Only for the present: the forecast of a past day may be published again.
            if request.as_of is None and self._model.state is state and len(self._cache) < _CACHED:
                self._cache[query] = answer
        return answer

    async def _forecast(self, request: ForecastRequest) -> bytes:
        if request.as_of is not None and request.features is None:
            return orjson.dumps(await self._workers.run(self._service.answer, request))
        return orjson.dumps(self._service.answer(request))
