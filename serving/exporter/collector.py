"""The last reading of the store, as Prometheus takes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.events import emit_failure
from serving.exporter import forecasts, monitoring
from serving.exporter.samples import Rows, Sample
from volcast.core.settings import Universe
from volcast.features.catalog import FEATURES_DAILY
from volcast.inference.selection import select_official
from volcast.monitoring.metrics import METRICS
from volcast.registry import Version, champion_pointer
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    LABELS_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_PERFORMANCE,
    MONITORING_QUALITY,
    MONITORING_QUARANTINE,
    MONITORING_RETRAIN,
    PREDICTIONS_DAILY,
    Table,
)
from volcast.store.universe import recall

_Value = TypeVar("_Value")

_COLUMNS: dict[Table, list[str]] = {
    CURATED_MARKET_DAILY: ["symbol", "session", "source"],
    FEATURES_DAILY: ["symbol", "session"],
    LABELS_DAILY: ["symbol", "session"],
    MONITORING_QUARANTINE: ["symbol"],
}
"""Of wide tables, what is read; of the others, all but nested columns."""

_SHOWN_ALONE: dict[Table, Callable[[Rows], Iterator[Sample]]] = {
    MONITORING_QUALITY: monitoring.quality,
    MONITORING_DRIFT_DAILY: monitoring.drift,
    MONITORING_PERFORMANCE: monitoring.performance,
    MONITORING_RETRAIN: monitoring.retrain,
    MONITORING_JOBS: monitoring.jobs,
}

_PATIENCE = 4
"""Readings may be late by so many times the seconds between them before nothing is shown."""


@dataclass(frozen=True)
class Reading:
    """One reading, ended at ``at`` (UTC); ``readable``: tables, registry, universe, metrics."""

    at: datetime
    seconds: float
    samples: tuple[Sample, ...]
    readable: dict[str, bool]

    @property
    def whole(self) -> bool:
        """Whether nothing was unreadable."""
        return all(self.readable.values())


class StoreCollector(Collector):
    """Shows the last reading; a scrape asks nothing of the store, so that it is always quick.

    The store is read every ``seconds``; ``now`` gives the time in UTC.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], seconds: float) -> None:
        self._store, self._now = store, now
        self._limit = max(_PATIENCE * seconds, 30.0)
        self._last: Reading | None = None
        self._whole_at: datetime | None = None

    def look(self) -> Reading:
        """Read the store, and show the result from now on."""
        self._last = reading = _read(self._store, self._now)
        if reading.whole:
            self._whole_at = reading.at
        return reading

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; of a reading that is old, only that it is."""
        families: dict[str, GaugeMetricFamily] = {}
        for name, labels, value in self._shown():
            if value is None:
                continue
            if name not in families:
                metric = METRICS[name]
                families[name] = GaugeMetricFamily(name, metric.help, labels=metric.labels)
            families[name].add_metric(labels, value)
        yield from families.values()

    def _shown(self) -> Iterator[Sample]:
        last = self._last
        if last is None or (self._now() - last.at).total_seconds() > self._limit:
            yield "volcast_store_readable", (), 0.0
        else:
            yield "volcast_store_readable", (), float(last.whole)
            yield "volcast_store_read_seconds", (), last.seconds
            for table, readable in last.readable.items():
                yield "volcast_table_readable", (table,), float(readable)
            yield from last.samples
        if self._whole_at is not None:
            yield "volcast_store_read_timestamp_seconds", (), self._whole_at.timestamp()


def _read(store: Store, now: Callable[[], datetime]) -> Reading:
    """Read the newest years of every table that is shown."""
    began, readable = now(), {}

    def attempt(name: str, get: Callable[[], _Value]) -> _Value | None:
        readable[name] = True
        try:
            return get()
        except Exception as error:  # noqa: BLE001
            # One that nobody foresaw must not end the process either: it shows what it can.
            emit_failure("table_unread", error, table=name)
            readable[name] = False
            return None

    # Every store that was ever filled has one: without it, this is no store, or it is gone.
    universe = attempt("universe", partial(recall, store))
    target = universe.target if universe else ""
    version = attempt("registry", partial(champion_pointer, store, target))
    tables = {
        table: rows
        for table in (*_COLUMNS, PREDICTIONS_DAILY, *_SHOWN_ALONE)
        if (rows := attempt(table.name, partial(_rows, store, table, version))) is not None
    }
    registry_readable = readable["registry"]
    samples = attempt(
        "metrics",
        lambda: tuple(_samples(tables, version, universe, registry_readable=registry_readable)),
    )
    at = now()
    return Reading(at, (at - began).total_seconds(), samples or (), readable)


def _samples(
    tables: dict[Table, Rows],
    version: Version | None,
    universe: Universe | None,
    *,
    registry_readable: bool,
) -> Iterator[Sample]:
    """Yield what rests on tables that could be read: an old value must not pass for a new one."""
    for table in (CURATED_MARKET_DAILY, FEATURES_DAILY, LABELS_DAILY):
        # A label is known five sessions late: none is waited for by a fixed hour.
        waited_for = () if table is LABELS_DAILY or universe is None else universe.symbols
        yield from forecasts.data(table, tables.get(table, ()), waited_for)
    curated = tables.get(CURATED_MARKET_DAILY)
    predictions = tables.get(PREDICTIONS_DAILY)
    if curated is not None and predictions is not None:
        targets = {row["symbol"] for row in predictions}
        yield from forecasts.sources(
            curated, targets if universe is None else targets | {universe.target}
        )
    if predictions is not None and registry_readable:
        # What was forecast before another target was chosen is due no more.
        yield from forecasts.forecasts(
            [row for row in predictions if universe is None or row["symbol"] == universe.target]
        )
        if version is not None:
            yield from forecasts.champion(version, predictions)
    if curated is not None and MONITORING_QUARANTINE in tables:
        yield from monitoring.quarantine(tables[MONITORING_QUARANTINE], curated)
    for table, samples in _SHOWN_ALONE.items():
        yield from samples(tables.get(table, ()))


def _rows(store: Store, table: Table, version: Version | None) -> Rows:
    rows = store.read_newest(table)
    if table is PREDICTIONS_DAILY:
        rows = select_official(rows, {version.version} if version else ())
    every = [name for name in rows.column_names if name != "drivers"]
    selected: Rows = rows.select(_COLUMNS.get(table, every)).to_pylist()
    return selected
