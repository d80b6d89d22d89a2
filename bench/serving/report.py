"""The results as tables for a terminal and Markdown, and as JSON."""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

from rich.table import Table

from bench.goal import Goal
from bench.serving.goals import Cases, Results
from bench.serving.measure import Plan

__all__ = ["Sheet", "as_json", "as_markdown", "as_table", "environment", "sheets"]

_PACKAGES = ("kserve", "fastapi", "uvicorn")

_PREFACE = """Made by `make bench-serving`: one process and one XGBoost thread each, all on
loopback, on the same champion of the embedded sample. The others answer with the trees' number
alone, from bare lists of the trees' own features; volcast takes every feature by name, checks it,
and answers with the blend, its intervals, and by /predict with baselines and drivers too. CPU is
that of the server, children included. mlserver runs in line; mlserver-1-worker is its default, a
second process that predicts. Where a goal spans several numbers of connections, it is judged at
the worst of them. Ratios travel between machines, milliseconds do not."""


@dataclass(frozen=True)
class Sheet:
    """One table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def environment(mlserver: str) -> dict[str, str]:
    """Name what was measured, by version."""
    return {
        "python": platform.python_version(),
        "xgboost": version("xgboost-cpu"),
        **{name: version(name) for name in _PACKAGES},
        "mlserver": mlserver,
        "CPUs": str(os.cpu_count()),
    }


def sheets(
    results: Results, goals: Sequence[Goal], named: Mapping[str, str], plan: Plan
) -> Iterator[Sheet]:
    """Yield every table of a run."""
    rows = [[g.what, f"{g.value:.3g}", f"{g.sign} {g.bound:.3g}", g.verdict] for g in goals]
    yield Sheet("Goals", ("", "value", "goal", ""), rows)
    for connections, cases in results.one_row.items():
        yield _sheet(f"One row, connections: {connections}", cases)
    for number, cases in results.many_rows.items():
        yield _sheet(f"{number} rows in a request, one connection", cases)
    for number, cases in results.explain.items():
        yield _sheet(f"Explain, rows: {number}, one connection", cases)
    rows = [
        [name, f"{one.idle_ms:.2f}", f"{one.explaining_ms:.2f}", f"{one.ratio:.2f}"]
        for name, one in results.isolation.items()
    ]
    yield Sheet("p99 of a forecast, ms", ("", "idle", "while explaining 100 rows", "ratio"), rows)
    yield Sheet("Over time", ("", "value"), _over_time(results))
    memory = [[name, f"{size:.0f}"] for name, size in results.memory_mb.items()]
    yield Sheet("Resident memory after all that, MB", ("", "MB"), memory)
    rounds = f"{plan.rounds} of {plan.seconds:g} s, all servers in turn; medians"
    versions = [[name, value] for name, value in named.items()] + [["rounds", rounds]]
    yield Sheet("What was measured", ("", ""), versions)


def _sheet(title: str, cases: Cases) -> Sheet:
    columns = ("", "CPU ms", "per CPU second", "per second", "p50 ms", "p95 ms", "p99 ms")
    rows = [
        [name, f"{one.cpu_ms:.3f}", f"{one.per_cpu_second:,.0f}", f"{one.rate:,.0f}",
         *(f"{value:.2f}" for value in one.latency_ms.values())]
        for name, one in cases.items()
    ]  # fmt: skip
    return Sheet(title, columns, rows)


def _over_time(results: Results) -> list[list[str]]:
    swapped, growth = results.swapped, results.growth
    rows = [
        [
            "p95 at 20 requests a second, every thread on one core",
            f"{results.pinned_p95_ms:.1f} ms",
        ],
        [
            "champions swapped under load",
            f"{swapped.swaps} swaps, {swapped.answers:,} answers, {len(swapped.errors)} errors, "
            f"{swapped.mixed} mixed",
        ],
    ]
    rows.append(["start to first forecast, compiled code kept", f"{results.start_seconds:.1f} s"])
    if growth is not None:
        span = f"{growth.first_mb:.1f} to {growth.last_mb:.1f} MB ({growth.share:+.1%})"
        rows.append([f"memory over {growth.minutes:g} minutes, {growth.requests:,} requests", span])
    return rows


def as_table(sheet: Sheet) -> Table:
    """Return a table for a terminal."""
    table = Table(*sheet.columns, title=sheet.title, title_justify="left")
    for row in sheet.rows:
        table.add_row(*row)
    return table


def as_markdown(sheets: Sequence[Sheet]) -> str:
    """Return all tables as Markdown."""
    lines = ["# The model server compared with three others", "", _PREFACE, ""]
    for sheet in sheets:
        lines += [f"## {sheet.title}", "", _row(sheet.columns), _row(["---"] * len(sheet.columns))]
        lines += [*map(_row, sheet.rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_json(results: Results, goals: Sequence[Goal], named: Mapping[str, str], plan: Plan) -> str:
    """Return everything measured."""
    content = {
        "versions": dict(named),
        "plan": asdict(plan),
        "goals": [asdict(goal) | {"met": goal.met} for goal in goals],
        "results": asdict(results),
    }
    return json.dumps(content, indent=1) + "\n"
