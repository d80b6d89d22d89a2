"""How well questions are answered, and how long it takes: ``python -m bench.brief``.

Over the documents and blind questions of ``tests/brief/material`` among other passages. Results
are written to ``bench/results/brief.json``.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.goal import Goal
from tests.brief.measured import DISTRACTORS, Measured
from volcast.brief.corpus.index import open_index

_RESULTS = Path(__file__).parent / "results" / "brief.json"


def main(place: str | None = None) -> int:
    """Measure, print, and save the results; return 1 if a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="volcast-bench-") as folder:
        began = time.perf_counter()
        measured = Measured(open_index(place or Path(folder) / "vectors.npz"))
        indexed = time.perf_counter() - began
        goals = _goals(measured)
        seconds = measured.seconds()
    goals.append(Goal("longest answer, CPU seconds", round(seconds[-1], 3), "<", 1))
    results = {
        "index": "PostgreSQL" if place else "DuckDB",
        "other passages": DISTRACTORS,
        "seconds to index": round(indexed, 1),
        "answered": f"{len(measured.right)} of {len(measured.answers)}, "
        f"{sum(measured.right)} right",
        "recall@1, @5, @10": [round(measured.recall(k), 3) for k in (1, 5, 10)],
        "median of an answer, CPU milliseconds": round(1000 * statistics.median(seconds), 1),
        "goals": dict(one.line for one in goals),
    }  # fmt: skip
    table = Table("brief", "")
    for name, value in results.items():
        table.add_row(name, json.dumps(value, indent=1) if isinstance(value, dict) else str(value))
    Console().print(table)
    if place is None:
        _RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0 if all(goal.met for goal in goals) else 1


def _goals(measured: Measured) -> list[Goal]:
    questions = len(measured.refused)
    return [
        Goal("recall@5", round(measured.recall(5), 3), ">=", 0.9),
        Goal("sentences not in the passage they cite", len(measured.unresolved), "<=", 0),
        Goal(f"refused of {questions} unanswerable", sum(measured.refused), ">=", questions),
    ]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
