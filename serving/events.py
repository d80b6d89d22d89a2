"""Log lines, one JSON object each, on standard error; at a terminal sentences for a person."""

import logging
import logging.config
import os
import sys
import uuid

from serving.tracing import trace_id
from volcast.core.errors import VolcastError
from volcast.core.logs import RUN_ID, Level, line

_LOGGER = logging.getLogger("volcast.serving")

_LEVELS: dict[int, Level] = {logging.INFO: "info", logging.WARNING: "warning"}


def emit(event: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one event with its fields; never a header, never a body."""
    trace = {"trace_id": trace_id()} if trace_id() else {}
    _LOGGER.log(level, line(event, _LEVELS.get(level, "error"), **trace, **fields))


def emit_failure(event: str, error: Exception, **fields: object) -> None:
    """Log one event with what failed; an error that nobody foresaw as an error, with its type."""
    foreseen = isinstance(error, VolcastError)
    level = logging.WARNING if foreseen else logging.ERROR
    emit(event, level, **fields, detail=str(error) if foreseen else repr(error))


def announce(event: str, sentence: str, **fields: object) -> None:
    """Log one event with its fields; print the sentence instead where a person reads the log."""
    if sys.stderr.isatty():
        print(sentence, file=sys.stderr)
    else:
        emit(event, logging.INFO, **fields)


class _Lines(logging.Formatter):
    """Ours are lines already; what others log becomes one."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == _LOGGER.name:
            return record.getMessage()
        level = _LEVELS.get(record.levelno, "error")
        return line("library_warning", level, logger=record.name, message=super().format(record))


def configure() -> None:
    """Send our events and others' warnings to standard error; no access log.

    The process gets a run id of its own, unless its environment has one.
    """
    os.environ.setdefault(RUN_ID, uuid.uuid4().hex)
    logging.captureWarnings(True)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": _Lines}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": "WARNING"},
            "loggers": {
                "volcast": {"level": "INFO"},
                "uvicorn": {"level": "WARNING"},
                "uvicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )
