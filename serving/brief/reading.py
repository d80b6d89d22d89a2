"""Reads the sources again and again while the brief is served."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime

from serving.brief import metrics
from serving.events import emit
from volcast.brief import Library
from volcast.core.errors import VolcastError

__all__ = ["Reading"]


class Reading:
    """Brings a library up to date in a thread of its own; what was read last stands meanwhile.

    Parameters
    ----------
    library : Library
    now : callable
        The time of day, in UTC.
    seconds : float
        Between two readings.
    """

    def __init__(self, library: Library, now: Callable[[], datetime], seconds: float) -> None:
        self._library, self._now, self._seconds = library, now, seconds
        self._stop = threading.Event()
        self._read = False
        self._said: tuple[str, ...] = ()
        self.failed = False
        self._thread = threading.Thread(target=self._go_on, name="reading", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether the sources were read once, and still are."""
        return self._read and self._thread.is_alive()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more; a reading under way is waited for."""
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        try:
            while not self._stop.is_set():
                self._look()
                self._stop.wait(self._seconds)
        finally:
            # A service that reads no more would answer from the past silently: it stops instead.
            if not self._stop.is_set():
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _look(self) -> None:
        try:
            found = self._library.refresh()
        except VolcastError as error:
            emit("sources_unread", logging.WARNING, detail=str(error))
            return
        metrics.show(found, self._now().timestamp())
        if not self._read:
            emit("sources_read", rows=len(found.rows), documents=len(found.documents))
        for note in found.notes:
            if note not in self._said:
                emit("source_left_out", logging.WARNING, detail=note)
        self._said = found.notes
        self._read = True
