"""Follow the store: take each new champion into service, and keep clocks and features right."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from serving import metrics
from serving.events import emit
from serving.lookup import LastKnown, OnlineFeatures
from serving.model import VolcastModel
from serving.state import InService, known_symbols
from volcast.core import calendar
from volcast.core.errors import ContractError, KeyMissing, ModelError, NotFound, VolcastError
from volcast.core.settings import Universe
from volcast.data.sessions import resolve_as_of
from volcast.models.compiled import compiled
from volcast.registry import Champion, Version, champion, champion_pointer
from volcast.store import Store

__all__ = ["Follower"]


_LOOKS_BETWEEN_TRIES = 10
"""A version refused is tried again this often, in case its files were mended."""


@dataclass
class Follower:
    """Looks at the store every few seconds and swaps what the model serves, in one step.

    Parameters
    ----------
    store : Store
    model : VolcastModel
        What to keep up to date.
    features : OnlineFeatures
        Asked at each look, so that no request has to.
    universe : Universe
        Whose target is known before the first forecast is stored.
    now : callable
        The time of day, in UTC.
    as_of : date or None
        A fixed clock.
    seconds : float
        Between two looks.
    """

    store: Store
    model: VolcastModel
    features: OnlineFeatures
    universe: Universe
    now: Callable[[], datetime]
    as_of: date | None
    seconds: float
    _refused: Version | None = field(default=None, init=False)
    _patience: int = field(default=0, init=False)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self.seconds)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Look once; whatever fails leaves in service what was in service."""
        served = self.model.state
        chosen = self._champion(served.champion)
        clocks = self._clocks(served.clocks)
        features = {symbol: self._features(symbol, served.features) for symbol in clocks}
        found = InService(chosen, clocks, features)
        if not found.is_as(served):
            self.model.adopt(found)
        metrics.show_ages({symbol: _age(features[symbol], day) for symbol, day in clocks.items()})

    def _champion(self, served: Champion | None) -> Champion | None:
        try:
            pointed = champion_pointer(self.store)
            if pointed is None or (served is not None and pointed == served.version):
                return served
            if pointed == self._refused and self._patience:
                self._patience -= 1
                return served
            return self._load(pointed, served)
        except VolcastError as error:
            emit("pointer_unread", logging.WARNING, detail=str(error))
            return served

    def _load(self, pointed: Version, served: Champion | None) -> Champion | None:
        try:
            found = champion(self.store)
            forecaster = compiled(found.forecaster)
        except (ModelError, ContractError, NotFound) as error:
            self._refused, self._patience = pointed, _LOOKS_BETWEEN_TRIES
            metrics.MODEL_REFUSED.inc()
            emit("champion_refused", logging.ERROR, version=pointed.version, detail=str(error))
            return served
        version = found.version
        metrics.show_model(version.version, version.sha256, version.run_id)
        emit("champion_in_service", version=version.version, sha256=version.sha256)
        return replace(found, forecaster=forecaster)

    def _clocks(self, known: Mapping[str, date]) -> Mapping[str, date]:
        try:
            symbols = sorted(known_symbols(self.store, self.universe))
            now = self.now()
            found = {s: self._clock(s, now) for s in symbols}
        except VolcastError as error:
            emit("clock_unread", logging.WARNING, detail=str(error))
            return known
        return {symbol: day for symbol, day in found.items() if day is not None}

    def _clock(self, symbol: str, now: datetime) -> date | None:
        """Return the present session of a symbol; None while it has no curated row."""
        try:
            return resolve_as_of(self.store, symbol, self.as_of, now=now)
        except KeyMissing:
            raise
        except NotFound:
            return None

    def _features(self, symbol: str, known: Mapping[str, LastKnown]) -> LastKnown:
        try:
            found = LastKnown(self.features.newest(symbol), confirmed=True)
        except VolcastError as error:
            metrics.ONLINE_STORE_ERRORS.inc()
            metrics.ONLINE_STORE_UP.set(0)
            emit("features_unread", logging.WARNING, symbol=symbol, detail=str(error))
            before = known.get(symbol)
            return LastKnown(None if before is None else before.row, confirmed=False)
        metrics.ONLINE_STORE_UP.set(1)
        return found


def _age(known: LastKnown, clock: date) -> int | None:
    return None if known.row is None else calendar.sessions_between(known.row.session, clock)
