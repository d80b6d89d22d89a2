"""The last reading of the store, as Prometheus takes it."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.exporter.reading import Reading, read
from serving.exporter.sample import Sample
from volcast.monitoring.metrics import METRICS
from volcast.store import Store

_PATIENCE = 4
"""Readings may be late by so many times the seconds between them before nothing is shown."""


class StoreCollector(Collector):
    """Shows the last reading; a scrape asks nothing of the store, so that it is always quick.

    Parameters
    ----------
    store : Store
    now : callable
        The time of day, in UTC.
    seconds : float
        Between two readings.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], seconds: float) -> None:
        self._store, self._now = store, now
        self._limit = max(_PATIENCE * seconds, 30.0)
        self._last: Reading | None = None
        self._whole_at: datetime | None = None

    def look(self) -> Reading:
        """Read the store, and show the result from now on."""
        reading = read(self._store, self._now)
        if reading.whole:
            self._whole_at = reading.at
        self._last = reading
        return reading

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; of a reading that is old, only that it is."""
        families: dict[str, Metric] = {}
        for sample in self._shown():
            if sample.name not in families:
                families[sample.name] = _family(sample.name)
            _add(families[sample.name], sample)
        yield from families.values()

    def _shown(self) -> Iterator[Sample]:
        last = self._last
        fresh = last is not None and (self._now() - last.at).total_seconds() <= self._limit
        if last is None or not fresh:
            yield Sample("volcast_store_readable", (), 0.0)
        else:
            yield Sample("volcast_store_readable", (), float(last.whole))
            yield Sample("volcast_store_read_seconds", (), last.seconds)
            for table, readable in last.readable.items():
                yield Sample("volcast_table_readable", (table,), float(readable))
            yield from last.samples
        if self._whole_at is not None:
            at = self._whole_at.timestamp()
            yield Sample("volcast_store_read_timestamp_seconds", (), at)


def _family(name: str) -> Metric:
    metric = METRICS[name]
    if metric.kind == "info":
        return InfoMetricFamily(name.removesuffix("_info"), metric.help, labels=[])
    return GaugeMetricFamily(name, metric.help, labels=metric.labels)


def _add(family: Metric, sample: Sample) -> None:
    if isinstance(family, InfoMetricFamily):
        labels = METRICS[sample.name].labels
        family.add_metric([], dict(zip(labels, sample.labels, strict=True)))
    elif isinstance(family, GaugeMetricFamily):
        family.add_metric(sample.labels, sample.value)
