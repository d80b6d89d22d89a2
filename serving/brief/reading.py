"""Reads the documents periodically while the brief is served."""

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
    """Brings a library up to date every ``seconds`` in its own thread."""

    def __init__(self, library: Library, now: Callable[[], datetime], seconds: float) -> None:
        self._library, self._now, self._seconds = library, now, seconds
        self._stop = threading.Event()
        self._read = False
        self._unread: tuple[tuple[str, str], ...] = ()
        self.failed = False
        self._thread = threading.Thread(target=self._run, name="reading", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether the documents were read once, and still are."""
        return self._read and self._thread.is_alive()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more; a reading under way is waited for."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._refresh()
                self._stop.wait(self._seconds)
        finally:
            # A service that reads no more would answer from the past silently: it stops instead.
            if not self._stop.is_set():
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _refresh(self) -> None:
        try:
            documents = self._library.refresh()
        except VolcastError as error:
            emit("sources_unread", logging.WARNING, detail=str(error))
            return
        metrics.PASSAGES.labels("document").set(len(documents.passages))
        metrics.PASSAGES.labels("unread").set(len(documents.unread))
        metrics.READ.set(self._now().timestamp())
        if not self._read:
            emit("sources_read", documents=len(documents.passages))
        for name, reason in documents.unread:
            if (name, reason) not in self._unread:
                emit("source_left_out", logging.WARNING, document=name, detail=reason)
        self._unread, self._read = documents.unread, True
