"""The metrics of the brief, made from the catalogue in `volcast.monitoring.metrics`."""

from prometheus_client import CollectorRegistry

from serving.prometheus import counter, gauge, histogram

__all__ = ["PASSAGES", "QUESTIONS", "READ", "REGISTRY", "SECONDS"]

REGISTRY = CollectorRegistry()
QUESTIONS = counter("volcast_brief_questions_total", REGISTRY)
SECONDS = histogram("volcast_brief_answer_seconds", REGISTRY)
PASSAGES = gauge("volcast_brief_passages", REGISTRY)
READ = gauge("volcast_brief_read_timestamp_seconds", REGISTRY)

# Exported from the start: a counter that appears with its first event has no rate to alert on.
for _outcome in ("answered", "not_in_sources", "refused", "failed"):
    QUESTIONS.labels(_outcome)
