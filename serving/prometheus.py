"""Objects of prometheus_client made from the catalogue."""

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.registry import REGISTRY

from volcast.monitoring.metrics import METRICS

disable_created_metrics()  # type: ignore[no-untyped-call]


def counter(name: str, registry: CollectorRegistry = REGISTRY) -> Counter:
    """Return the counter of that name, registered."""
    return Counter(*_described("counter", name), registry=registry)


def gauge(name: str, registry: CollectorRegistry = REGISTRY) -> Gauge:
    """Return the gauge of that name, registered."""
    return Gauge(*_described("gauge", name), registry=registry)


def histogram(name: str, registry: CollectorRegistry = REGISTRY) -> Histogram:
    """Return the histogram of that name, registered."""
    described = _described("histogram", name)
    return Histogram(*described, buckets=METRICS[name].buckets, registry=registry)


def info(name: str) -> Info:
    """Return the info of that name, registered; its labels are set with each value."""
    return Info(name.removesuffix("_info"), _described("info", name)[1])


def _described(kind: str, name: str) -> tuple[str, str, Sequence[str]]:
    metric = METRICS[name]
    if metric.kind != kind:
        raise TypeError(f"{name} is a {metric.kind}, no {kind}")
    return name, metric.help, metric.labels
