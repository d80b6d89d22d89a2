"""uvicorn's HTTP protocol, with a limit to how long a client may take over its headers."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEADER_SECONDS", "HeaderTimeoutProtocol"]

HEADER_SECONDS = 10.0
"""From a connection, or a request's first byte, to the end of its headers."""


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """Closes a connection whose request does not come; uvicorn would keep it open for ever."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._start()

    def on_message_begin(self) -> None:
        """Start the timer for the headers."""
        super().on_message_begin()
        self._start()

    def on_headers_complete(self) -> None:
        """Stop the timer."""
        self._stop()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEADER_SECONDS, self._close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
