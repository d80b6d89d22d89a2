"""Cost of a check and of its detectors alone, in their environment: ``bench.drift.cost``."""

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from bench.drift.nulls import REFERENCE, Autoregressive, panel
from volcast.monitoring.drift.calibration import DRIFT_KINDS, TESTS, calibrate
from volcast.monitoring.drift.detectors import AlibiDetectors
from volcast.monitoring.drift.evidence import data_faults, drift_scores, findings
from volcast.monitoring.drift.panel import PERSISTENCE, RECENT
from volcast.monitoring.drift.report import decide_state

__all__ = ["main"]

_ROUNDS = 7


def main() -> int:
    """Print CPU seconds of the calibration, of a check, and of the same calls to the detectors."""
    rows = Autoregressive("", 0.5).draw(np.random.default_rng(3), REFERENCE + RECENT)
    calibrate(panel(rows, len(rows)))  # once for the imports and caches
    first = _seconds(lambda: calibrate(panel(rows, len(rows))))
    laid, detectors = panel(rows, len(rows)), AlibiDetectors()
    calibration = calibrate(laid)

    def check() -> None:
        laid = panel(rows, len(rows))
        tests = list(findings(laid, calibration, detectors))
        scores = drift_scores(laid, calibration, detectors)
        decide_state(tests, list(data_faults(laid)), scores)

    tests = [*TESTS, *(test for kind in DRIFT_KINDS.values() for test in kind * (PERSISTENCE - 1))]

    def detectors_alone() -> None:
        for test in tests:
            if test.statistic != "psi":
                window = laid.recent_views[test.view][-test.window :]
                detectors.distances(test.statistic, laid.reference_views[test.view], window)

    check()
    times = [(_seconds(check), _seconds(detectors_alone)) for _ in range(_ROUNDS)]
    result = {
        "calibration_seconds": round(first, 3),
        "check_seconds": round(statistics.median(t for t, _ in times), 3),
        "detectors_seconds": round(statistics.median(t for _, t in times), 3),
        "ratio": round(statistics.median(a / b for a, b in times), 2),
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _seconds(do: Callable[[], object]) -> float:
    """Return the CPU time, which other processes do not change as they do the time of day."""
    began = time.process_time()
    do()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
