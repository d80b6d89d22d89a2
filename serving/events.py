"""Log lines: one JSON object each, on standard error."""

import json
import logging
import logging.config
import warnings

__all__ = ["configure", "emit"]

_LOGGER = logging.getLogger("volcast.serving")


def emit(event: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one event with its fields; never a header, never a body."""
    _LOGGER.log(level, json.dumps({"event": event, **fields}, default=str))


def configure() -> None:
    """Send our events and others' warnings to standard error; no access log."""
    # KServe answers through a response class that FastAPI now warns of at each first use.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(message)s"}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": "WARNING"},
            "loggers": {
                "volcast": {"level": "INFO"},
                "kserve": {"level": "WARNING"},
                "kserve.trace": {"level": "WARNING"},
                "uvicorn": {"level": "WARNING"},
                "uvicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )
