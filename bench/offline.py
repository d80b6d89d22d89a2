"""Time the join of a whole universe's features, each session as known at its close.

``python -m bench.offline [symbols [years [features]]]`` writes random features of that many symbols
(500 over 20 years by default: about 2 GB, gone afterwards) and reads them all back in a process of
its own, and then a tenth of the symbols.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store

__all__ = ["measure_offline", "read_all"]

_LAST_YEAR = 2023
_RESTATED = 0.02
"""The share of rows that have a second version, created some days later."""


def measure_offline(
    symbols: int = 500, years: int = 20, features: int | None = None
) -> dict[str, dict[str, float]]:
    """Measure the join of every session of ``symbols`` over ``years`` years, shuffled.

    Parameters
    ----------
    features : int, optional
        How many of the features are requested; all by default.

    Returns
    -------
    dict of str to dict
        By number of symbols: ``seconds`` from the call to the DataFrame, ``cpu_seconds`` of all
        threads meanwhile, ``peak_gb`` of the process, ``rows``, ``features`` and ``filled``, the
        share of values that are not null.
    """
    few, requested = max(symbols // 10, 1), features or len(names())
    with tempfile.TemporaryDirectory(prefix="volcast-offline-") as folder:
        store = Store.open(folder)
        _write(store, symbols, years)
        return {
            f"{count} symbols": _in_a_process(store.uri, count, years, requested)
            for count in (symbols, few)
        }


def read_all(store_uri: str, symbols: int, years: int, features: int) -> None:
    """Join once in this process, and print the measurements as JSON."""
    from feature_repo.opening import open_feature_store

    feature_store = open_feature_store(store_uri)
    sessions = _sessions(years)
    keys = pd.DataFrame(
        {
            "symbol": np.repeat([_symbol(number) for number in range(symbols)], len(sessions)),
            "event_timestamp": pd.DatetimeIndex(np.tile(calendar.closes(sessions), symbols)),
        }
    ).sample(frac=1, random_state=7, ignore_index=True)
    start, busy = time.perf_counter(), time.process_time()
    frame = feature_store.get_historical_features(
        entity_df=keys,
        features=[f"{FEATURES_DAILY.name}:{name}" for name in names()[:features]],
        filter_by_created_timestamp=True,
    ).to_df()
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    # Not getrusage: its maximum may be the parent's, from before this program was loaded.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    measured = {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(busy, 1),
        "peak_gb": round(int(peak[1]) / 2**20, 2) if peak else float("nan"),
        "rows": len(frame),
        "features": features,
        "filled": round(float(np.mean([frame[x].notna().mean() for x in names()[:features]])), 4),
    }
    print(json.dumps(measured))


def _in_a_process(*arguments: Any) -> dict[str, float]:
    code = f"from bench.offline import read_all; read_all(*{arguments!r})"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _symbol(number: int) -> str:
    return f"{number:06d}"


def _sessions(years: int) -> list[date]:
    return calendar.sessions(date(_LAST_YEAR - years + 1, 1, 1), date(_LAST_YEAR, 12, 31))


def _write(store: Store, symbols: int, years: int) -> None:
    draw = np.random.default_rng(7)
    sessions = _sessions(years)
    closes = calendar.closes(sessions)
    values = pd.DataFrame(draw.normal(size=(len(sessions), len(names()))), columns=names())
    rows = values.assign(session=sessions, event_timestamp=closes, created_timestamp=closes)
    again = rows.sample(frac=_RESTATED, random_state=7)
    again["created_timestamp"] += pd.Timedelta(days=5)
    rows = pd.concat([rows, again], ignore_index=True)
    for number in range(symbols):
        scaled = rows[names()] * (1 + number)
        store.write(FEATURES_DAILY, rows.assign(symbol=_symbol(number), **scaled))


if __name__ == "__main__":
    print(json.dumps(measure_offline(*(int(text) for text in sys.argv[1:])), indent=1))
