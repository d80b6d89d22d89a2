"""What a person is shown of the watch: realized error, drift, and the last retraining asked for."""

from datetime import date
from typing import Any

from rich.console import Console

from volcast.core.settings import Universe
from volcast.monitoring.retrain import last_asked
from volcast.store import Store
from volcast.store.tables import (
    MONITORING_DRIFT_DAILY,
    MONITORING_PERFORMANCE,
    Table,
)

__all__ = ["print_watch"]


def print_watch(console: Console, store: Store, universe: Universe) -> None:
    """Print the newest state of each, with the session it is of; one that never ran says so.

    Raises
    ------
    ModelError
        If the requests for retraining cannot be read.
    """
    error = _newest(store, MONITORING_PERFORMANCE, universe.target)
    drift = _newest(store, MONITORING_DRIFT_DAILY, universe.target, subject="verdict")
    asked: date | None = last_asked(store, universe)
    lines = {
        "error": "not scored yet" if error is None else _state(error),
        "drift": "not looked for yet" if drift is None else _state(drift),
        "retrain": "never asked for" if asked is None else f"last asked for at {asked}",
    }
    for name, said in lines.items():
        console.print(f"{name:<10}{said}", soft_wrap=True, highlight=False, markup=False)


def _newest(store: Store, table: Table, target: str, **values: str) -> dict[str, Any] | None:
    rows = store.read(table, symbols=[target]).to_pylist()
    wanted = [row for row in rows if values.items() <= row.items()]
    return max(wanted, key=lambda row: row["session"], default=None)


def _state(row: dict[str, Any]) -> str:
    return f"{row['state']} at {row['session']}: {row['detail']}"
