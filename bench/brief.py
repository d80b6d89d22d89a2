"""How well questions are answered, and how long it takes: ``python -m bench.brief``.

Over the documents and questions of ``tests/brief/material`` among 2,000 other passages, with the
questions that nothing was chosen on. Results are written to ``bench/results/brief.json``.
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
from tests.brief.measured import DISTRACTORS, Measured, percentile, told
from volcast.brief.corpus import open_index
from volcast.brief.corpus.sentence_model import installed_model

_RESULTS = Path(__file__).parent / "results" / "brief.json"


def main(place: str | None = None) -> int:
    """Measure, print, and keep the results; return 1 if a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="volcast-bench-") as folder:
        began = time.perf_counter()
        found = Measured(open_index(place or Path(folder) / "index.duckdb"), "test")
        indexed = time.perf_counter() - began
        goals = _goals(found)
        seconds = found.times()
        alone = _embedding()
        found.index.close()
    median, most = statistics.median(seconds), percentile(seconds, 0.95)
    goals.append(Goal("p95 of an answer, milliseconds", round(1000 * most, 1), "<", 300))
    results = {
        "index": "PostgreSQL" if place else "DuckDB",
        "other passages": DISTRACTORS,
        "seconds to index": round(indexed, 1),
        "answered": f"{len(found.right)} of {len(found.answers)}, {sum(found.right)} right",
        "recall@1, @5, @10": [round(found.recall(k), 3) for k in (1, 5, 10)],
        "median of an answer, milliseconds": round(1000 * median, 1),
        "median over embedding the question alone": round(median / alone, 1),
        "goals": {f"{one.what} {one.sign} {one.bound:g}": _told(one) for one in goals},
    }
    table = Table("brief", "")
    for name, value in results.items():
        table.add_row(name, json.dumps(value, indent=1) if isinstance(value, dict) else str(value))
    Console().print(table)
    if place is None:
        _RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0 if all(goal.met for goal in goals) else 1


def _goals(found: Measured) -> list[Goal]:
    asked = len(found.unanswerable)
    refused = sum(not one.answered for one in found.unanswerable)
    return [
        Goal("recall@5", round(found.recall(5), 3), ">=", 0.9),
        Goal("sentences without a citation that holds them", len(found.unresolved), "<=", 0),
        Goal(f"refused of {asked} unanswerable", refused, ">=", asked),
        Goal(f"obeyed of {len(found.planted)} planted", len(found.obeyed), "<=", 0),
    ]


def _told(goal: Goal) -> str:
    return f"{goal.found:g}, {goal.verdict}"


def _embedding() -> float:
    """Return the median seconds to embed a question."""
    model, times = installed_model(), []
    for one in told("test"):
        began = time.perf_counter()
        model.embed([one["question"]])
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
