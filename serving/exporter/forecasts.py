"""What data and forecasts there are, and when the next ones are due."""

from collections.abc import Collection, Iterator

from serving.exporter.samples import Row, Rows, Sample, close, newest_by_symbol
from volcast.core import calendar
from volcast.core.names import LIVE_SOURCES, STATES
from volcast.registry import Version
from volcast.store.tables import Table

_VALUES = {
    "volcast_forecast_volatility_ratio": {
        "hat": "rv_5d_hat", "lo80": "lo80", "hi80": "hi80", "lo95": "lo95", "hi95": "hi95",
    },
    "volcast_forecast_baseline_ratio": {"har": "baseline_har_rv", "vix": "baseline_vix"},
    "volcast_forecast_regime_ratio": {state: f"p_{state}" for state in STATES},
}  # fmt: skip
"""By metric, the columns of a forecast by the label of their value."""


def data(table: Table, rows: Rows, waited_for: Collection[str]) -> Iterator[Sample]:
    """Yield the newest session of each symbol, and when the next of those waited for is due."""
    for symbol, row in newest_by_symbol(rows):
        labels = (table.name, symbol)
        yield "volcast_data_newest_session_timestamp_seconds", labels, close(row["session"])
        if symbol in waited_for:
            yield "volcast_data_due_timestamp_seconds", labels, _due(row)


def sources(curated: Rows, targets: Collection[str]) -> Iterator[Sample]:
    """Yield whether each symbol that is forecast comes from a source that goes on."""
    for symbol, row in newest_by_symbol(curated):
        if symbol in targets:
            yield "volcast_source_live", (symbol,), float(row["source"] in LIVE_SOURCES)


def forecasts(predictions: Rows) -> Iterator[Sample]:
    """Yield the newest official forecast of each symbol."""
    for symbol, row in newest_by_symbol(predictions):
        yield "volcast_forecast_session_timestamp_seconds", (symbol,), close(row["session"])
        yield "volcast_forecast_due_timestamp_seconds", (symbol,), _due(row)
        for name, columns in _VALUES.items():
            for label, column in columns.items():
                yield name, (symbol, label), row[column]


def champion(version: Version, predictions: Rows) -> Iterator[Sample]:
    """Yield the champion, and how many sessions its training is behind its newest forecast."""
    labels = (version.version, version.sha256, version.run_id, version.as_of, version.target)
    yield "volcast_champion_info", labels, 1.0
    for symbol, row in newest_by_symbol(predictions):
        if symbol == version.target:
            trained = row["session"].fromisoformat(version.as_of)
            age = calendar.sessions_between(trained, row["session"])
            yield "volcast_champion_age_sessions", (symbol,), age


def _due(row: Row) -> float:
    return calendar.deadline(calendar.after(row["session"], 1)).timestamp()
