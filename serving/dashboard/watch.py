"""How fresh the data is, and the findings on drift, error and pipelines."""

from datetime import date

from serving.dashboard.markup import heading, notice, prose, table
from serving.dashboard.words import day
from volcast.core import calendar
from volcast.features.catalog import label
from volcast.monitoring.status import Health, Missing
from volcast.monitoring.status.words import session_words

__all__ = ["data", "watch"]

_SIGNS = {
    "ok": "✓", "same": "✓", "better": "✓", "too-few": "○", "not-run": "○", "regime-shift": "▲",
    "critical": "✕", "warning": "▲",
    "drift": "✕", "worse": "✕", "data-fault": "✕", "succeeded": "✓", "failed": "✕",
}  # fmt: skip


def watch(health: Health) -> str:
    """Return drift, realized error and retraining."""
    return _drift(health) + _error(health) + _retrain(health)


def data(health: Health) -> str:
    """Return how fresh each table is, what checks failed, and how the pipelines ended."""
    right = _jobs(health) + _quality(health)
    return f'<div class="pair"><div>{_freshness(health)}</div><div>{right}</div></div>'


def _freshness(health: Health) -> str:
    if health.expected is None:
        text = notice(
            "missing", "There is no validated price. Run `make run`, or `volcast ingest`."
        )
    else:
        kind = "The source is live" if health.live else "The source is an archive"
        text = prose(f"{kind}: everything should be at {day(health.expected)}.")
    rows = [(one.table, one.symbol, day(one.session), _age(one.behind)) for one in health.tables]
    columns = ("table", "symbol", "newest session", "state")
    return heading(3, "Freshness") + text + table("Newest row of each table", columns, rows)


def _age(behind: int | None) -> str:
    if behind is None:
        return "○ none"
    return "✓ up to date" if behind == 0 else f"▲ {session_words(behind)} behind"


def _since(health: Health, session: date) -> str:
    """Return how old a finding is, if the data has gone on since."""
    if health.expected is None or session >= health.expected:
        return ""
    count = session_words(calendar.sessions_between(session, health.expected))
    return notice("warning", f"That was {count} ago; there was no check since.")


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


def _drift(health: Health) -> str:
    title = heading(3, "Drift")
    if isinstance(health.drift, Missing):
        return title + notice("missing", str(health.drift))
    row = health.drift
    text = prose(f"{_state(row['state'])} on {day(row['session'])}: {row['detail']}.")
    text += _since(health, row["session"])
    if not health.fired:
        return title + text + prose("No test fired.")
    subjects = "; ".join(f"{label(name)} (`{name}`)" for name in health.fired)
    fired = f"Tests fired for {len(health.fired)}, which the state weighs together: {subjects}."
    return title + text + prose(fired)


def _error(health: Health) -> str:
    title = heading(3, "Realized error")
    row = health.performance
    if isinstance(row, Missing):
        return title + notice("missing", str(row))
    text = prose(f"{_state(row['state'])} on {day(row['session'])}: {row['detail']}.")
    return title + text + _since(health, row["session"])


def _retrain(health: Health) -> str:
    title = heading(3, "Retraining")
    row = health.retrain
    if isinstance(row, Missing):
        return title + notice("missing", str(row))
    last = f" Last on {day(row['last_trained'])}." if row["last_trained"] else ""
    return title + prose(f"On {day(row['session'])}: {row['reason']}.{last}")


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
    return f"{_SIGNS.get(state or '', '○')} {state or 'unknown'}"
