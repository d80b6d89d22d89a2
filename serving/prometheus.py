"""Objects of prometheus_client made from the catalogue."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.registry import REGISTRY

from volcast.monitoring.metrics import METRICS

disable_created_metrics()  # type: ignore[no-untyped-call]


def counter(name: str, registry: CollectorRegistry = REGISTRY) -> Counter:
    """Return the counter of that name, registered."""
    return Counter(name, METRICS[name].help, METRICS[name].labels, registry=registry)


def gauge(name: str, registry: CollectorRegistry = REGISTRY) -> Gauge:
    """Return the gauge of that name, registered."""
    return Gauge(name, METRICS[name].help, METRICS[name].labels, registry=registry)


def histogram(name: str, registry: CollectorRegistry = REGISTRY) -> Histogram:
    """Return the histogram of that name, registered."""
    metric = METRICS[name]
    return Histogram(name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)
