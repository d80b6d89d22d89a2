"""Measure the drift check: ``python -m bench.drift [trials]``.

False alarms in markets that do not drift, and the power against changes of several sizes, with
thresholds calibrated in each trial; then the cost of a check compared with the detectors alone.
Results go to ``bench/results/drift.json`` and ``drift.md``.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from bench.drift.market import real_features
from bench.drift.nulls import Autoregressive, Resampled
from bench.drift.tables import as_markdown, goals, summary
from bench.drift.trials import run
from volcast.monitoring.drift import drift_python

_RESULTS = Path(__file__).parents[1] / "results"
_TRIALS = 60


def main() -> int:
    """Run all trials; print and write the tables."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else _TRIALS
    origin, features = real_features()
    nulls = (
        Autoregressive("AR(1), phi .97, independent", 0.0),
        Autoregressive("AR(1), phi .97, half of the noise shared", 0.5),
        Resampled(f"blocks of 250 sessions of {origin}", features),
    )
    results: dict[str, Any] = {"trials": trials, "markets": {}}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for null in nulls:
            done = list(pool.map(partial(run, null), range(trials)))
            results["markets"][null.name] = summary(done)
    results["cost"] = _cost()
    (_RESULTS / "drift.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    page = as_markdown(results)
    (_RESULTS / "drift.md").write_text(page, encoding="utf-8")
    print(page)
    missed = [goal.what for goal in goals(results) if not goal.met]
    if missed:
        print(f"Missed: {'; '.join(missed)}")
    return 0


def _cost() -> dict[str, float]:
    """Measure in the detectors' interpreter."""
    python = drift_python()
    if python is None:
        raise SystemExit("No interpreter with alibi-detect: run `make drift` once.")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [str(python), "-m", "bench.drift.cost"],
        env=os.environ | {"PYTHONPATH": f"{root / 'src'}:{root}"},
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


if __name__ == "__main__":
    sys.exit(main())
