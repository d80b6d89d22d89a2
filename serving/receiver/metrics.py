"""The metrics of the receiver, made from the catalogue in `volcast.monitoring.metrics`."""

from typing import Literal

from prometheus_client import CollectorRegistry

from serving.prometheus import counter, gauge
from volcast.core import errors

__all__ = ["REGISTRY", "RUNNING", "Outcome", "count", "count_exit"]

Outcome = Literal["asked", "held_back", "nothing_to_do", "busy", "failed", "refused"]

REGISTRY = CollectorRegistry()

_REQUESTS = counter("volcast_retrain_requests_total", REGISTRY)
_EXITS = counter("volcast_retrain_launch_exits_total", REGISTRY)
RUNNING = gauge("volcast_retrain_launch_running", REGISTRY)

_CODES = frozenset({0} | {getattr(errors, name).exit_code for name in errors.__all__})

# Shown from the start: a counter that appears with its first event has no rate to alert on.
for _outcome in ("asked", "held_back", "nothing_to_do", "busy", "failed", "refused"):
    _REQUESTS.labels(_outcome)
for _code in (*sorted(_CODES), "other"):
    _EXITS.labels(str(_code))


def count(outcome: Outcome) -> None:
    """Count one notification."""
    _REQUESTS.labels(outcome).inc()


def count_exit(code: int) -> None:
    """Count the end of a run on this machine."""
    _EXITS.labels(str(code) if code in _CODES else "other").inc()
