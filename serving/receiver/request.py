"""From a notification to a training run, or to the reason why there is none."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from serving.events import emit
from serving.receiver.launch import Launcher, parameters
from serving.receiver.metrics import Outcome
from serving.receiver.notification import Notification
from volcast.core.errors import SourceUnavailable
from volcast.core.settings import Settings, Universe
from volcast.data.sessions import resolve_as_of
from volcast.monitoring import retrain
from volcast.store import Store
from volcast.store.universe import recall

__all__ = ["Answer", "Requests"]

_BY = "alert"


@dataclass(frozen=True)
class Answer:
    """What became of a notification."""

    outcome: Outcome
    reason: str
    run: str | None = None


@dataclass
class Requests:
    """Asks for training runs, one notification after the other.

    Parameters
    ----------
    settings : Settings
    store : Store
    launcher : Launcher
    now : callable
        The time of day, in UTC.
    """

    settings: Settings
    store: Store
    launcher: Launcher
    now: Callable[[], datetime]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _unlaunched: date | None = field(default=None, init=False)

    async def take(self, notification: Notification) -> Answer:
        """Ask for a run, if an alert wants one and none was asked for in the sessions before.

        Raises
        ------
        Overloaded
            While a run of this machine goes on: nothing is asked for, and Alertmanager retries.
        SourceUnavailable
            If the run could not be launched; the request is taken back for the retry.
        VolcastError
            If the store cannot be read or written.
        """
        async with self._turn:
            if not any(alert.wants_training for alert in notification.alerts):
                return Answer("nothing_to_do", "no firing alert has the label retrain")
            universe = await asyncio.to_thread(recall, self.store)
            causes = notification.causes(universe.target)
            if not causes:
                return Answer("nothing_to_do", f"no alert is of {universe.target}")
            self.launcher.refuse_if_busy()
            return await self._ask(universe, ", ".join(causes))

    async def _ask(self, universe: Universe, reason: str) -> Answer:
        await self._take_back(universe)
        session = await asyncio.to_thread(self._session, universe)
        decision = await asyncio.to_thread(
            retrain.ask, self.store, universe, session, by=_BY, reason=reason
        )
        if not decision.asked:
            emit("training_held_back", session=session, reason=decision.reason)
            return Answer("held_back", decision.reason)
        self._unlaunched = session
        try:
            arguments = parameters(self.settings, self.store, universe)
            run = await self.launcher.launch(arguments, session)
        except SourceUnavailable:
            await self._take_back(universe)
            raise
        self._unlaunched = None
        emit("training_asked", session=session, reason=reason, run=run)
        return Answer("asked", reason, run)

    async def _take_back(self, universe: Universe) -> None:
        """Withdraw a request that nothing came of, by which the retry would be held back.

        Where the store does not take that either, the next notification tries again.
        """
        if self._unlaunched is not None:
            await asyncio.to_thread(
                retrain.withdraw, self.store, universe, self._unlaunched, by=_BY
            )
            self._unlaunched = None

    def _session(self, universe: Universe) -> date:
        return resolve_as_of(self.store, universe.target, self.settings.as_of, now=self.now())
