"""Objects of prometheus_client made from the catalogue."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.registry import REGISTRY

from volcast.monitoring.metrics import Metric, named

__all__ = ["counter", "gauge", "histogram", "info"]

disable_created_metrics()  # type: ignore[no-untyped-call]


def counter(name: str, registry: CollectorRegistry = REGISTRY) -> Counter:
    """Return the counter of that name, registered."""
    metric = _of_kind("counter", name)
    return Counter(name, metric.help, metric.labels, registry=registry)


def gauge(name: str, registry: CollectorRegistry = REGISTRY) -> Gauge:
    """Return the gauge of that name, registered."""
    metric = _of_kind("gauge", name)
    return Gauge(name, metric.help, metric.labels, registry=registry)


def histogram(name: str, registry: CollectorRegistry = REGISTRY) -> Histogram:
    """Return the histogram of that name, registered."""
    metric = _of_kind("histogram", name)
    return Histogram(name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)


def info(name: str) -> Info:
    """Return the info of that name, registered; its labels are set with each value."""
    return Info(name.removesuffix("_info"), _of_kind("info", name).help)


def _of_kind(kind: str, name: str) -> Metric:
    metric = named(name)
    if metric.kind != kind:
        raise TypeError(f"{name} is a {metric.kind}, no {kind}")
    return metric
