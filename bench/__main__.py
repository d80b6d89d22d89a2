"""Time each step on the embedded sample, and one forecast: ``python -m bench``.

The steps run in one process, one after the other. The last results lie in
``bench/results/steps.json``; ratios travel between machines, milliseconds do not.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.stopwatch import Stopwatch

_RESULTS = Path(__file__).parent / "results" / "steps.json"


def main() -> int:
    """Measure, print, and keep the results."""
    timed = Stopwatch()
    with timed("import"):
        from bench.dashboard import measure_page
        from bench.skill import measure_skill
        from bench.steps import measure
    with tempfile.TemporaryDirectory(prefix="volcast-bench-") as folder:
        measure(folder, timed)
        page = measure_page(folder, timed)
    ratios = measure_skill(timed) | page
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    table = Table("step", "milliseconds")
    for step, milliseconds in timed.milliseconds.items():
        table.add_row(step, f"{milliseconds:,.2f}")
    goals = Table("of one run", "")
    for name, ratio in ratios.items():
        goals.add_row(name, str(ratio))
    Console().print(table, goals, f"peak memory {peak_mb:,} MB")
    results = {"milliseconds": timed.milliseconds, "ratios": ratios, "peak_memory_mb": peak_mb}
    _RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
