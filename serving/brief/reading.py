"""Reads the documents periodically while the brief is served."""

import logging
import os
import signal
import threading

from serving.brief import metrics
from serving.events import announce, emit
from volcast.brief import Library
from volcast.core.errors import VolcastError

__all__ = ["Reading"]


class Reading(threading.Thread):
    """Brings a library up to date every ``seconds``."""

    def __init__(self, library: Library, seconds: float) -> None:
        super().__init__(name="reading", daemon=True)
        self._library, self._seconds = library, seconds
        self._ending = threading.Event()
        self._read = False
        self._unread: tuple[tuple[str, str], ...] = ()
        self.failed = False

    @property
    def ready(self) -> bool:
        """Whether the documents were read once, and still are."""
        return self._read and self.is_alive()

    def end(self) -> None:
        """Read no more; a reading under way is waited for."""
        self._ending.set()
        self.join()

    def run(self) -> None:
        """Read until the end; a failure ends the process, or it would answer from the past."""
        try:
            while not self._ending.is_set():
                self._refresh()
                self._ending.wait(self._seconds)
        finally:
            if not self._ending.is_set():
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
        metrics.READ.set(self._library.now().timestamp())
        if not self._read:
            self._library.recogniser.prepare()
            count = len(documents.passages)
            announce("sources_read", f"{count} passages of documents are read.", documents=count)
        for name, reason in documents.unread:
            if (name, reason) not in self._unread:
                emit("source_left_out", logging.WARNING, document=name, detail=reason)
        self._unread, self._read = documents.unread, True
