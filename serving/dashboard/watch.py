"""How fresh the data is, and the findings on drift, error and pipelines."""

from collections.abc import Callable, Mapping
from typing import Any

from serving.dashboard.markup import heading, notice, prose, table
from serving.dashboard.words import day
from volcast.core import calendar
from volcast.features.catalog import label
from volcast.monitoring.status import Health, Missing
from volcast.monitoring.status.words import finding, session_words

__all__ = ["data", "watch"]

Row = Mapping[str, Any]

_SIGNS = {
    "ok": "✓", "same": "✓", "better": "✓", "too-few": "○", "not-run": "○", "regime-shift": "▲",
    "critical": "✕", "warning": "▲",
    "drift": "✕", "worse": "✕", "data-fault": "✕", "succeeded": "✓", "failed": "✕",
}  # fmt: skip


def watch(health: Health) -> str:
    """Return drift, realized error and retraining."""
    return (
        _part("Drift", health.drift, lambda row: _finding(health, row) + _fired(health))
        + _part("Realized error", health.performance, lambda row: _finding(health, row))
        + _part("Retraining", health.retrain, _retrain)
    )


def data(health: Health) -> str:
    """Return how fresh each table is, what checks failed, and how the pipelines ended."""
    right = _jobs(health) + _quality(health)
    return f'<div class="pair"><div>{_freshness(health)}</div><div>{right}</div></div>'


def _freshness(health: Health) -> str:
    kind = "live" if health.live else "an archive"
    text = (
        notice("missing", "There is no validated price. Run `make run`, or `volcast ingest`.")
        if health.expected is None
        else prose(f"The source is {kind}: everything should be at {day(health.expected)}.")
    )
    rows = [(one.table, one.symbol, day(one.session), _age(one.behind)) for one in health.tables]
    columns = ("table", "symbol", "newest session", "state")
    return heading(3, "Freshness") + text + table("Newest row of each table", columns, rows)


def _age(behind: int | None) -> str:
    if behind is None:
        return "○ none"
    return "✓ up to date" if behind == 0 else f"▲ {session_words(behind)} behind"


def _quality(health: Health) -> str:
    title = heading(3, "Quality checks that failed")
    if not health.checks:
        return title + notice("missing", "No check has run. Run `make run`, or `volcast ingest`.")
    if not health.failed:
        return title + prose(f"None of the {health.checks} that ran last.")
    rows = [
        (row["check"], row["suite"], _state(row["severity"]), str(row["failed"]), row["detail"])
        for row in health.failed
    ]
    columns = ("check", "suite", "severity", "rows", "what")
    return title + table("At the last run of each suite", columns, rows)


def _part(title: str, row: Row | Missing, show: Callable[[Row], str]) -> str:
    body = notice("missing", str(row)) if isinstance(row, Missing) else show(row)
    return heading(3, title) + body


def _finding(health: Health, row: Row) -> str:
    text = prose(f"{_state(row['state'])} on {day(row['session'])}: {row['detail']}.")
    if health.expected is None or row["session"] >= health.expected:
        return text
    count = session_words(calendar.sessions_between(row["session"], health.expected))
    return text + notice("warning", f"That was {count} ago; there was no check since.")


def _fired(health: Health) -> str:
    if not health.fired:
        return prose("No test fired.")
    subjects = "; ".join(f"{label(name)} (`{name}`)" for name in health.fired)
    return prose(
        f"Tests fired for {len(health.fired)}, which the state weighs together: {subjects}."
    )


def _retrain(row: Row) -> str:
    last = f" Last on {day(row['last_trained'])}." if row["last_trained"] else ""
    return prose(f"On {day(row['session'])}: {row['reason']}.{last}")


def _jobs(health: Health) -> str:
    title = heading(3, "Last run of each pipeline")
    if not health.jobs:
        return title + notice("missing", "No pipeline has run. Run `make run`.")
    rows = [
        (row["job"], _state(row["outcome"]), f"{row['ended_at']:%-d %b %Y %H:%M} UTC",
         day(row["as_of"]), row["detail"])
        for row in health.jobs
    ]  # fmt: skip
    return title + table("Newest first", ("pipeline", "outcome", "ended", "as of", "error"), rows)


def _state(state: str | None) -> str:
    return f"{_SIGNS.get(state or '', '○')} {finding(state or 'unknown')}"
