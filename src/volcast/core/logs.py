"""The lines that steps and server log: one JSON object each, its event named here and nowhere else.

Every line has ``ts`` (UTC), ``level``, ``event`` and ``run_id``; what else it has is listed in
docs/logs.md. No line holds a header, a body, a setting or a row of data.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from volcast.core.errors import ContractError

__all__ = ["EVENTS", "RUN_ID", "Level", "line", "run_id"]

Level = Literal["info", "warning", "error"]

RUN_ID = "VOLCAST_RUN_ID"
"""Environment variable: the runner's id of the pipeline run, or that of the server process."""

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "step_started": "a pipeline step begins",
        "step_finished": "a step is done: its time and its facts",
        "step_failed": "a step stops on an error that volcast knows",
        "step_retried": "in a pod, a step is run again after an error that may pass",
        "events_unknown": "the calendar of events ends in a forecast's window, or before it",
        "serving": "the server answers",
        "no_champion": "no champion passed its checks yet; the next one promoted is served",
        "champion_in_service": "the server answers with another version from now on",
        "champion_refused": "the champion failed its checks; the version before stays in service",
        "pointer_unread": "the champion pointer could not be read; the next look tries again",
        "clock_unread": "the newest session could not be read; the previous one stays in use",
        "ages_unread": "the age of the features could not be computed; the next look tries again",
        "features_unread": "the online store did not answer; the previous features stay in use",
        "request_failed": "a request ended in a fault of the server's",
        "exporting": "the exporter of metrics answers",
        "table_unread": "a table could not be read; nothing that rests on it is shown",
        "dashboard_up": "the dashboard answers",
        "briefing": "the brief answers",
        "stopped": "a service ended because it was asked to",
        "sources_read": "the brief read its sources for the first time",
        "sources_unread": "the brief could not read its sources; the previous ones stay in use",
        "source_left_out": "a document or passage is not quoted, and why",
        "library_warning": "a library warns: its logger and its message",
    }
)
"""Every event by its name, in words."""


def run_id() -> str:
    """Return the id of the run that this process belongs to; empty outside of any."""
    return os.environ.get(RUN_ID, "")


def line(event: str, level: Level = "info", **fields: object) -> str:
    """Return the line of an event.

    Raises
    ------
    ContractError
        If the event is not among `EVENTS`, or a field has the name of what every line has.
    """
    head = {
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "event": event,
        "run_id": run_id(),
    }
    if event not in EVENTS or head.keys() & fields.keys():
        raise ContractError(
            found=f"event {event!r} with {', '.join(fields) or 'no field'}",
            expected=f"one of {', '.join(EVENTS)}, and fields other than {', '.join(head)}",
            where="log", remedy="Name the event in volcast.core.logs and docs/logs.md.",
        )  # fmt: skip
    return json.dumps(head | fields, default=str)
