"""The metrics of the brief, made from the catalogue in `volcast.monitoring.metrics`."""

from prometheus_client import CollectorRegistry

from serving.prometheus import counter, gauge, histogram
from volcast.brief.corpus.documents import Documents

__all__ = ["REGISTRY", "count", "show"]

REGISTRY = CollectorRegistry()

_QUESTIONS = counter("volcast_brief_questions_total", REGISTRY)
_SECONDS = histogram("volcast_brief_answer_seconds", REGISTRY)
_PASSAGES = gauge("volcast_brief_passages", REGISTRY)
_READ = gauge("volcast_brief_read_timestamp_seconds", REGISTRY)

# Shown from the start: a counter that appears with its first event has no rate to alert on.
for _outcome in ("answered", "not_in_sources", "refused", "failed"):
    _QUESTIONS.labels(_outcome)


def count(outcome: str, seconds: float) -> None:
    """Count one question and the time it took."""
    _QUESTIONS.labels(outcome).inc()
    _SECONDS.observe(seconds)


def show(documents: Documents, at: float) -> None:
    """Show what was read, and when, in Unix time."""
    _PASSAGES.labels("document").set(len(documents.passages))
    _PASSAGES.labels("unread").set(len(documents.unread))
    _READ.set(at)
