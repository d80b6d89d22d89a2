"""Print the state of the watch: realized error, drift, and the last retraining."""

from typing import Any

from volcast.cli.arguments import print_line
from volcast.core.settings import Universe
from volcast.store import Store
from volcast.store.tables import (
    MONITORING_DRIFT_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_RETRAIN,
    Table,
)

__all__ = ["print_watch"]


def print_watch(store: Store, universe: Universe) -> None:
    """Print the newest state of each with its session, or that it has not run yet."""
    error = _newest(store, MONITORING_PERFORMANCE, universe.target)
    drift = _newest(store, MONITORING_DRIFT_DAILY, universe.target, subject="verdict")
    trained = _newest(store, MONITORING_RETRAIN, universe.target, train=True)
    lines = {
        "error": "not scored yet" if error is None else _state(error),
        "drift": "not checked yet" if drift is None else _state(drift),
        "retrain": "never" if trained is None else f"last at {trained['session']}",
    }
    for name, text in lines.items():
        print_line(f"{name:<10}{text}")


def _newest(store: Store, table: Table, target: str, **values: object) -> dict[str, Any] | None:
    rows = store.read(table, symbols=[target]).to_pylist()
    matching = [row for row in rows if values.items() <= row.items()]
    return max(matching, key=lambda row: row["session"], default=None)


def _state(row: dict[str, Any]) -> str:
    return f"{row['state']} at {row['session']}: {row['detail']}"
