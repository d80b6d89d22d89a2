"""Cost of a check and of its detectors alone, in their environment: ``bench.drift.cost``."""

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from bench.drift.nulls import REFERENCE, Autoregressive
from bench.drift.panels import panel
from volcast.monitoring.drift.calibration import DRIFT_KINDS, TESTS, calibrate
from volcast.monitoring.drift.detectors import AlibiDetectors
from volcast.monitoring.drift.evidence import drift_scores, findings
from volcast.monitoring.drift.faults import data_faults
from volcast.monitoring.drift.panel import PERSISTENCE, RECENT, Panel
from volcast.monitoring.drift.report import decide_state

__all__ = ["main"]

_ROUNDS = 7


def main() -> int:
    """Print seconds of the calibration, of a check, and of the same calls to the detectors."""
    rows = Autoregressive("", 0.5).draw(np.random.default_rng(3), REFERENCE + RECENT)
    calibrate(panel(rows, len(rows)))  # once for the imports and caches
    first = _seconds(lambda: calibrate(panel(rows, len(rows))))
    calibration = calibrate(panel(rows, len(rows)))
    detectors = AlibiDetectors()

    def check() -> None:
        laid = panel(rows, len(rows))
        tests = list(findings(laid, calibration, detectors))
        scores = drift_scores(laid, calibration, detectors)
        decide_state(tests, list(data_faults(laid)), scores)

    laid = panel(rows, len(rows))
    pairs = list(_calls(laid))

    def bare() -> None:
        for statistic, reference, window in pairs:
            detectors.distances(statistic, reference, window)

    check()
    times = [(_seconds(check), _seconds(bare)) for _ in range(_ROUNDS)]
    result = {
        "calibration_seconds": round(first, 3),
        "check_seconds": round(statistics.median(t for t, _ in times), 3),
        "detectors_seconds": round(statistics.median(t for _, t in times), 3),
        "ratio": round(statistics.median(a / b for a, b in times), 2),
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _calls(laid: Panel) -> "list[tuple[str, np.ndarray, np.ndarray]]":
    reference, recent = laid.views(laid.reference), laid.views(laid.recent)
    pairs = [(test, window) for test in TESTS for window in test.windows]
    pairs += [pair for kind in DRIFT_KINDS.values() for pair in kind] * PERSISTENCE
    return [
        (test.statistic, reference[test.view], recent[test.view][-window:])
        for test, window in pairs
        if test.statistic != "psi"
    ]


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
