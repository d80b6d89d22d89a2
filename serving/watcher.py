"""Watch the store: serve each new champion, and keep sessions and features up to date."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from math import nan
from typing import TypeVar

from serving import metrics
from serving.events import announce, emit, emit_failure
from serving.lookup import FeatureRow, OnlineFeatures
from serving.state import ServingState, VolcastModel
from volcast.core import calendar
from volcast.core.errors import ContractError, KeyMissing, ModelError, NotFound
from volcast.core.settings import Universe
from volcast.data.sessions import resolve_as_of
from volcast.inference.selection import forecast_symbols
from volcast.models.compiled import compiled
from volcast.registry import Champion, Version, champion, champion_pointer
from volcast.store import Store
from volcast.store.universe import recall_or_none

_Part = TypeVar("_Part")

_CHECKS_BETWEEN_TRIES = 10
"""A refused version is tried again after so many checks, in case its files were repaired."""


@dataclass
class ModelWatcher:
    """Checks the store every ``seconds`` and replaces what the model serves, in one step.

    Online features are read at each check, so that no request has to. ``now`` gives the time in
    UTC; ``as_of`` fixes the session.
    """

    store: Store
    model: VolcastModel
    features: OnlineFeatures
    universe: Universe
    now: Callable[[], datetime]
    as_of: date | None
    seconds: float
    _refused: Version | None = field(default=None, init=False)
    _checks_to_skip: int = field(default=0, init=False)
    _failures: int = field(default=0, init=False)

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await asyncio.sleep(self.seconds)
            await asyncio.to_thread(self.check)

    def check(self) -> None:
        """Check once; where a read fails, whatever the error, what was served before stays."""
        served, failures = self.model.state, self._failures
        sessions = self._read("clock_unread", self._sessions, served.sessions)
        chosen = self._read("pointer_unread", self._champion, served.champion)
        features = self._features(sessions, served.features)
        state = ServingState(chosen, sessions, features)
        if not state.same_as(served):
            self.model.adopt(state)
        self._read("ages_unread", lambda _: self._show_ages(state), None)
        if self._failures == failures:
            metrics.FOLLOWED_AT.set(self.now().timestamp())

    def _show_ages(self, state: ServingState) -> None:
        for symbol, day in state.sessions.items():
            row = state.features.get(symbol)
            age = None if row is None else calendar.sessions_between(row.session, day)
            metrics.FEATURE_AGE.labels(symbol).set(nan if age is None else age)
            metrics.FEATURES_STALE.labels(symbol).set(0 if age == 0 else 1)

    def _read(self, event: str, read: Callable[[_Part], _Part], served: _Part) -> _Part:
        try:
            return read(served)
        except Exception as error:  # noqa: BLE001
            self._failed(event, error)
            return served

    def _failed(self, event: str, error: Exception, **fields: object) -> None:
        """Log and count a read that failed."""
        self._failures += 1
        metrics.FOLLOW_ERRORS.inc()
        emit_failure(event, error, **fields)

    def _champion(self, served: Champion | None) -> Champion | None:
        target = (recall_or_none(self.store) or self.universe).target
        pointed = champion_pointer(self.store, target)
        if pointed is None or (served is not None and pointed == served.version):
            return served
        if pointed == self._refused and self._checks_to_skip:
            self._checks_to_skip -= 1
            return served
        return self._load(target, pointed, served)

    def _load(self, target: str, pointed: Version, served: Champion | None) -> Champion | None:
        try:
            loaded = champion(self.store, target)
            forecaster = compiled(loaded.forecaster)
        except (ModelError, ContractError, NotFound) as error:
            self._refused, self._checks_to_skip = pointed, _CHECKS_BETWEEN_TRIES
            metrics.MODEL_REFUSED.inc()
            emit("champion_refused", logging.ERROR, version=pointed.version, detail=str(error))
            return served
        version = loaded.version
        labels = {"version": version.version, "sha256": version.sha256, "run_id": version.run_id}
        metrics.MODEL_INFO.info(labels)
        metrics.MODEL_READY.set(1)
        metrics.MODEL_SWAPS.inc()
        announce(
            "champion_in_service",
            f"Version {version.version} of the model, trained to {version.as_of}, is in service.",
            version=version.version, sha256=version.sha256,
        )  # fmt: skip
        return replace(loaded, forecaster=forecaster)

    def _sessions(self, _: Mapping[str, date]) -> Mapping[str, date]:
        now, sessions = self.now(), {}
        for symbol in forecast_symbols(self.store) or [self.universe.target]:
            try:
                sessions[symbol] = resolve_as_of(self.store, symbol, self.as_of, now=now)
            except KeyMissing:
                raise
            except NotFound:
                continue  # no curated row yet
        return sessions

    def _features(
        self, symbols: Iterable[str], served: Mapping[str, FeatureRow | None]
    ) -> Mapping[str, FeatureRow | None]:
        features: dict[str, FeatureRow | None] = {}
        for symbol in symbols:
            before = served.get(symbol)
            unconfirmed = None if before is None else replace(before, confirmed=False)
            try:
                # A store that was emptied, as Redis by a restart, has none until materialize.
                features[symbol] = self.features.newest(symbol) or unconfirmed
                metrics.ONLINE_STORE_UP.set(1)
            except Exception as error:  # noqa: BLE001
                metrics.ONLINE_STORE_ERRORS.inc()
                metrics.ONLINE_STORE_UP.set(0)
                self._failed("features_unread", error, symbol=symbol)
                if unconfirmed is not None:
                    features[symbol] = unconfirmed
        return features
