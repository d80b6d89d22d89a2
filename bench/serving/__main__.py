"""Measure the model server compared with three others, on one model: ``python -m bench.serving``.

All run at once on loopback, one process and one thread of XGBoost each, and get their requests in
turn. Ratios travel between machines, milliseconds do not.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench.serving.agreement import require_agreement
from bench.serving.goals import SWAPS, Results, goals
from bench.serving.measure import Plan, interleaved
from bench.serving.report import as_json, as_markdown, as_table, environment, sheets
from bench.serving.requests import GET, POST, V1, V2, Requests
from bench.serving.rivals import mlserver
from bench.serving.servers import KSERVE, OURS, Running, all_servers, seconds_to_start
from bench.serving.steadiness import growth, isolation, pinned
from bench.serving.stores import Subject, made_subject
from bench.serving.swaps import swap

_RESULTS = Path(__file__).parents[1] / "results"
_CONNECTIONS = (1, 8, 32)
_EXPLAINED = (1, 100, 1000)
_RATE = 20.0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and keep the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="rougher: a fourth of the time")
    parser.add_argument("--minutes", type=float, help="of mixed load, for memory; 0: none [10]")
    options = parser.parse_args(argv)
    plan = Plan(2, 0.5) if options.quick else Plan(5, 1.0)
    default = 0.5 if options.quick else 10.0
    minutes = default if options.minutes is None else options.minutes
    named = environment(mlserver.version(mlserver.environment()))
    with tempfile.TemporaryDirectory(prefix="volcast-bench-") as folder:
        subject = made_subject(Path(folder))
        start_seconds = seconds_to_start(subject)
        with all_servers(subject, Path(folder)) as servers:
            results = _measure(subject, servers, plan, minutes, start_seconds)
    reached = goals(results)
    tables = list(sheets(results, reached, named, plan))
    Console().print(*map(as_table, tables), sep="\n")
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "serving.json").write_text(as_json(results, reached, named, plan))
    (_RESULTS / "serving.md").write_text(as_markdown(tables))
    return 0


def _measure(
    subject: Subject, servers: Mapping[str, Running], plan: Plan, minutes: float,
    start_seconds: float,
) -> Results:  # fmt: skip
    console, requests, ours = Console(stderr=True), Requests(subject), servers[OURS]
    one, explain = requests.one_row(), {rows: requests.explain(rows) for rows in _EXPLAINED}
    many = requests.many_rows(1000)
    console.print("agreement ...")
    require_agreement(subject, servers, one)
    console.print("one row ...")
    worker = requests.one_row_of_a_worker()
    one_row = {n: interleaved(servers, one | worker, n, plan) for n in _CONNECTIONS}
    console.print("many rows, and explain ...")
    many_rows = {1000: interleaved(servers, many, 1, plan)}
    explained = {rows: interleaved(servers, cases, 1, plan) for rows, cases in explain.items()}
    console.print("forecasts during explanations ...")
    longer = Plan(plan.rounds, 2 * plan.seconds)
    isolated = {
        OURS: isolation(ours, one[POST], explain[100][OURS], longer),
        KSERVE: isolation(servers[KSERVE], one[KSERVE], explain[100][KSERVE], longer),
    }
    console.print("one core, and swaps ...")
    on_one_core = pinned(ours, one[GET], _RATE, 10 * plan.seconds)
    swapped = swap(subject, ours, {way: one[way] for way in (GET, POST, V1, V2)}, SWAPS)
    memory = {name: server.rss_megabytes() for name, server in servers.items()}
    grown = None
    if minutes:
        console.print(f"{minutes:g} minutes of mixed load ...")
        mix = {way: one[way] for way in (GET, POST, V1, V2)}
        mix |= {f"{rows}": explain[rows][OURS] for rows in (1, 100)} | {"many": many[V2]}
        grown = growth(ours, mix, minutes)
    return Results(
        one_row, many_rows, explained, isolated, on_one_core.milliseconds(0.95), swapped, grown,
        memory, start_seconds,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
