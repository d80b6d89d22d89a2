"""Read what is shown from the store: whole, or saying what could not be read."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from serving.events import emit
from serving.exporter import forecasts, monitoring
from serving.exporter.sample import Rows, Sample
from volcast.core.errors import VolcastError
from volcast.core.settings import Universe
from volcast.features.catalog import FEATURES_DAILY
from volcast.inference.selection import select_official
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

_Found = TypeVar("_Found")

_COLUMNS: dict[Table, tuple[str, ...]] = {
    CURATED_MARKET_DAILY: ("symbol", "session", "source"),
    FEATURES_DAILY: ("symbol", "session"),
    LABELS_DAILY: ("symbol", "session"),
    MONITORING_QUARANTINE: ("symbol",),
}
"""Of wide tables, what is read; of the others, all but nested columns."""

_ALL = (
    CURATED_MARKET_DAILY,
    FEATURES_DAILY,
    LABELS_DAILY,
    PREDICTIONS_DAILY,
    MONITORING_QUALITY,
    MONITORING_QUARANTINE,
    MONITORING_DRIFT_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_RETRAIN,
    MONITORING_JOBS,
)


@dataclass(frozen=True)
class Reading:
    """One reading of the store.

    Parameters
    ----------
    at : datetime
        When it ended, in UTC.
    seconds : float
        How long it took.
    samples : tuple of Sample
    readable : dict of str to bool
        Whether each table, the registry and the universe could be read.
    """

    at: datetime
    seconds: float
    samples: tuple[Sample, ...]
    readable: dict[str, bool]

    @property
    def whole(self) -> bool:
        """Whether nothing was unreadable."""
        return all(self.readable.values())


def read(store: Store, now: Callable[[], datetime]) -> Reading:
    """Read the newest years of every table that is shown.

    What rests on a table that cannot be read has no sample: an old value must not pass for one
    that holds.
    """
    began, readable = now(), {}

    def attempt(name: str, get: Callable[[], _Found]) -> _Found | None:
        try:
            value = get()
        except VolcastError as error:
            emit("table_unread", logging.WARNING, table=name, detail=str(error))
            readable[name] = False
            return None
        readable[name] = True
        return value

    version = attempt("registry", partial(champion_pointer, store))
    tables = {
        table.name: attempt(table.name, partial(_rows, store, table, version)) for table in _ALL
    }
    # Every store that was ever filled has one: without it, this is no store, or it is gone.
    universe = attempt("universe", partial(recall, store))
    samples = tuple(_samples(_Tables(tables), version, universe, readable["registry"]))
    at = now()
    return Reading(at, (at - began).total_seconds(), samples, readable)


class _Tables:
    """Rows by table; of one that could not be read, nothing to rest anything on."""

    def __init__(self, rows: dict[str, Rows | None]) -> None:
        self._rows = rows

    def of(self, *tables: Table) -> Iterator[tuple[Rows, ...]]:
        """Yield the rows of the tables once, or not at all if one could not be read."""
        readable = [rows for table in tables if (rows := self._rows[table.name]) is not None]
        if len(readable) == len(tables):
            yield tuple(readable)


def _samples(
    tables: _Tables, version: Version | None, universe: Universe | None, registry_readable: bool
) -> Iterator[Sample]:
    for table in (CURATED_MARKET_DAILY, FEATURES_DAILY, LABELS_DAILY):
        for (rows,) in tables.of(table):
            # A label is known five sessions late: none is waited for by a fixed hour.
            waited_for = () if table is LABELS_DAILY or universe is None else universe.symbols
            yield from forecasts.data(table, rows, waited_for)
    for curated, predictions in tables.of(CURATED_MARKET_DAILY, PREDICTIONS_DAILY):
        named = {row["symbol"] for row in predictions}
        if universe is not None:
            named.add(universe.target)
        yield from forecasts.sources(curated, frozenset(named))
    for (predictions,) in tables.of(PREDICTIONS_DAILY) if registry_readable else ():
        # What was forecast before another target was chosen is due no more.
        own = predictions
        if universe is not None:
            own = [row for row in predictions if row["symbol"] == universe.target]
        yield from forecasts.forecasts(own)
        yield from forecasts.champion(version, predictions)
    for quarantined, curated in tables.of(MONITORING_QUARANTINE, CURATED_MARKET_DAILY):
        yield from monitoring.quarantine(quarantined, curated)
    for table, show in _SHOWN.items():
        for (rows,) in tables.of(table):
            yield from show(rows)


_SHOWN: dict[Table, Callable[[Rows], Iterator[Sample]]] = {
    MONITORING_QUALITY: monitoring.quality,
    MONITORING_DRIFT_DAILY: monitoring.drift,
    MONITORING_PERFORMANCE: monitoring.performance,
    MONITORING_RETRAIN: monitoring.retrain,
    MONITORING_JOBS: monitoring.jobs,
}


def _rows(store: Store, table: Table, version: Version | None) -> Rows:
    table_rows = store.read_newest(table)
    if table is PREDICTIONS_DAILY:
        table_rows = select_official(table_rows, version.version if version else None)
    columns = _COLUMNS.get(
        table, tuple(name for name in table_rows.column_names if name != "drivers")
    )
    rows: Rows = table_rows.select(list(columns)).to_pylist()
    return rows
