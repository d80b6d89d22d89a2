"""What data and forecasts there are, and when the next ones are due."""

from collections.abc import Iterator, Sequence

from serving.exporter.sample import Row, Rows, Sample, close, newest
from volcast.core import calendar
from volcast.core.names import STATES
from volcast.data.sessions import LIVE_SOURCES
from volcast.registry import Version
from volcast.store.tables import Table

_BOUNDS = {"hat": "rv_5d_hat"} | {name: name for name in ("lo80", "hi80", "lo95", "hi95")}
_BASELINES = {"har": "baseline_har_rv", "vix": "baseline_vix"}
_REGIMES = {state: f"p_{state}" for state in STATES}


def data(table: Table, rows: Rows, waited_for: Sequence[str]) -> Iterator[Sample]:
    """Yield the newest session of each symbol, and when the next of those waited for is due."""
    for (symbol,), (row, *_) in newest(rows, "symbol").items():
        labels = (table.name, symbol)
        yield Sample("volcast_data_newest_session_timestamp_seconds", labels, close(row["session"]))
        if symbol in waited_for:
            yield Sample("volcast_data_due_timestamp_seconds", labels, _due(row))


def sources(curated: Rows, targets: frozenset[str]) -> Iterator[Sample]:
    """Yield whether each symbol that is forecast comes from a source that goes on."""
    for (symbol,), (row, *_) in newest(curated, "symbol").items():
        if symbol in targets:
            live = row["source"] in LIVE_SOURCES
            yield Sample("volcast_source_live", (symbol,), float(live))


def forecasts(predictions: Rows) -> Iterator[Sample]:
    """Yield the newest official forecast of each symbol."""
    for (symbol,), (row, *_) in newest(predictions, "symbol").items():
        at = close(row["session"])
        yield Sample("volcast_forecast_session_timestamp_seconds", (symbol,), at)
        yield Sample("volcast_forecast_due_timestamp_seconds", (symbol,), _due(row))
        yield from _values("volcast_forecast_volatility_ratio", row, _BOUNDS)
        yield from _values("volcast_forecast_baseline_ratio", row, _BASELINES)
        yield from _values("volcast_forecast_regime_ratio", row, _REGIMES)


def champion(version: Version | None, predictions: Rows) -> Iterator[Sample]:
    """Yield the champion, and how many sessions its training is behind its newest forecast."""
    if version is None:
        return
    labels = (version.version, version.sha256, version.run_id, version.as_of, version.target)
    yield Sample("volcast_champion_info", labels, 1.0)
    of_target = [row for row in predictions if row["symbol"] == version.target]
    for (symbol,), (row, *_) in newest(of_target, "symbol").items():
        trained = row["session"].fromisoformat(version.as_of)
        age = calendar.sessions_between(trained, row["session"])
        yield Sample("volcast_champion_age_sessions", (symbol,), float(age))


def _values(name: str, row: Row, columns: dict[str, str]) -> Iterator[Sample]:
    for label, column in columns.items():
        if row[column] is not None:
            yield Sample(name, (row["symbol"], label), row[column])


def _due(row: Row) -> float:
    return calendar.deadline(calendar.after(row["session"], 1)).timestamp()
