"""How time and memory grow with the number of symbols: ``python -m bench.growth [symbols ...]``.

Each step runs in a process of its own on a fresh store of the synthetic market, 20 years a symbol;
by default for 1, 10 and 100 symbols, of which from 10 on the growth is fitted. Processor time is
without imports. The last results lie in ``bench/results/growth.json``.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.goal import Goal
from feature_repo.opening import open_feature_store
from volcast.core.settings import SYNTHETIC_UNIVERSE
from volcast.data import ingest as ingestion
from volcast.data.sources import SyntheticSource
from volcast.data.validate import validate
from volcast.evaluation.folds import training_rows, usable
from volcast.features import build as features
from volcast.features import labels
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.features.point_in_time import features_at_close, labelled_features
from volcast.inference.forecast import predict_row
from volcast.models.baselines import fit_baselines
from volcast.models.blend import fit_blend
from volcast.models.forecaster import Forecaster
from volcast.models.intervals import BOUNDS
from volcast.models.recipe import RECIPES
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

_RESULTS = Path(__file__).parent / "results" / "growth.json"
_SYMBOLS = (1, 10, 100)
_AS_OF, _RECENT = date(2019, 12, 31), date(2018, 1, 1)
_UNIVERSE = SYNTHETIC_UNIVERSE
_EXPONENT = 1.1
_FITTED_FROM = 10

Measured = dict[str, float]


def main() -> int:
    """Measure, print, and keep the results."""
    symbols = [int(text) for text in sys.argv[1:]] or list(_SYMBOLS)
    measured = {count: measure(count) for count in symbols}
    goals = {step: Goal(step, exponent(measured, step), "<=", _EXPONENT) for step in STEPS}
    table = Table("step", *(f"{count:,}" for count in symbols), "exponent", "")
    for step, goal in goals.items():
        steps = [by_step[step] for by_step in measured.values()]
        cells = [f"{one['cpu_seconds']:.1f} s, {one['peak_mb']:,.0f} MB" for one in steps]
        table.add_row(step, *cells, f"{goal.value:.2f}", goal.verdict)
    Console().print(table)
    exponents = {step: goal.value for step, goal in goals.items()}
    results = {"symbols": measured, "exponents": exponents}
    _RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(symbols: int) -> dict[str, Measured]:
    """Take so many symbols from the source to a forecast each, a process a step."""
    with tempfile.TemporaryDirectory(prefix="volcast-growth-") as folder:
        return {step: _in_a_process(step, folder, symbols) for step in STEPS}


def exponent(measured: dict[int, dict[str, Measured]], step: str) -> float:
    """Return the slope of log processor time on log assets, from 10 symbols on."""
    counts = [count for count in measured if count >= _FITTED_FROM]
    if len(counts) < 2:
        return float("nan")
    # Three of the symbols are indices, which have no features, labels or forecasts.
    assets = [len(_assets(count)) for count in counts]
    seconds = [measured[count][step]["cpu_seconds"] for count in counts]
    return round(float(np.polyfit(np.log(assets), np.log(seconds), 1)[0]), 2)


def run(step: str, folder: str, symbols: int) -> None:
    """Run one step in this process, and print what it took as JSON."""
    store = Store.open(folder)
    began = time.process_time()
    STEPS[step](store, symbols)
    seconds = time.process_time() - began
    # Not getrusage: its maximum may be the parent's, from before this program was loaded.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    measured: Measured = {
        "cpu_seconds": round(seconds, 2),
        "peak_mb": round(int(peak[1]) / 1024) if peak else float("nan"),
        "files": len(list(Path(folder).rglob("*.parquet"))),
    }
    print(json.dumps(measured))


def _in_a_process(step: str, folder: str, symbols: int) -> Measured:
    code = f"from bench.growth import run; run({step!r}, {folder!r}, {symbols})"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured


def _ingest(store: Store, symbols: int) -> None:
    source = SyntheticSource(symbols, years=20)
    ingestion.ingest(store, source, _UNIVERSE, now=datetime.now(UTC), as_of=None)


def _validate(store: Store, _: int) -> None:
    validate(store, _UNIVERSE, _AS_OF)


def _features(store: Store, _: int) -> None:
    features.build(store, _UNIVERSE, _AS_OF)


def _labels(store: Store, _: int) -> None:
    labels.build(store, _UNIVERSE, _AS_OF)


def _training_set(store: Store, symbols: int) -> None:
    """Join every session of every asset as of its close, as training does for one."""
    rows = store.read(CURATED_MARKET_DAILY).select(["symbol", "session", "known_at"]).to_pandas()
    keys = rows[rows["symbol"].isin(_assets(symbols))].rename(
        columns={"known_at": "event_timestamp"}
    )
    joined = open_feature_store(store.uri).get_historical_features(
        entity_df=keys,
        features=[f"{FEATURES_DAILY.name}:{name}" for name in names()],
        filter_by_created_timestamp=True,
    ).to_df()  # fmt: skip
    if len(joined) != len(keys):
        raise SystemExit(f"{len(joined)} rows of {len(keys)}")


def _infer(store: Store, symbols: int) -> None:
    """Forecast the newest session of every asset, by one model without implied volatility."""
    forecaster = _forecaster(store)
    for symbol in _assets(symbols):
        newest = features_at_close(store, symbol, _AS_OF, _RECENT).iloc[-1]
        values = {name: newest[name] for name in names()}
        predict_row(forecaster, "1", symbol, _AS_OF, values)


def _read(store: Store, _: int) -> None:
    store.read(FEATURES_DAILY)


def _assets(symbols: int) -> list[str]:
    return [s for s in SyntheticSource(symbols).symbols if s not in _UNIVERSE.indices]


def _forecaster(store: Store) -> Forecaster:
    past = training_rows(labelled_features(store, _UNIVERSE.target, _AS_OF), _AS_OF)
    recipe = RECIPES["blend-range"]
    blend = fit_blend(recipe, usable(past, recipe), seed=7)
    return Forecaster(blend, fit_baselines(past), dict.fromkeys(BOUNDS, 0.0), golden={})


STEPS: dict[str, Callable[[Store, int], None]] = {
    "ingest": _ingest,
    "validate": _validate,
    "features": _features,
    "labels": _labels,
    "training set": _training_set,
    "infer": _infer,
    "store read": _read,
}


if __name__ == "__main__":
    sys.exit(main())
