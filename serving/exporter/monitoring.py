"""Newest results of the checks: quality, drift, track record, retraining, ends of pipelines."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import get_args

from serving.exporter.samples import Row, Rows, Sample, close, newest, newest_by_symbol
from volcast.monitoring.drift import DriftState
from volcast.monitoring.score import State as ErrorState

_OUTCOMES = {"succeeded": 1.0, "failed": 0.0}
_WINDOWS = ("recent", "before")
_FORECASTS = {"volcast": "", "har": "_har", "vix": "_vix"}


def quality(rows: Rows) -> Iterator[Sample]:
    """Yield the checks that failed when each suite last ran."""
    for labels, latest in newest(rows, "symbol", "suite").items():
        at = close(latest[0]["session"])
        yield "volcast_quality_session_timestamp_seconds", labels, at
        failed = Counter(row["severity"] for row in latest if not row["passed"])
        for severity in ("critical", "warning"):
            yield "volcast_quality_checks_failed", (*labels, severity), failed[severity]


def quarantine(rows: Rows, curated: Rows) -> Iterator[Sample]:
    """Yield how many rows of each symbol were kept out; 0 where none was."""
    counts = Counter(row["symbol"] for row in rows)
    for symbol in sorted(counts.keys() | {row["symbol"] for row in curated}):
        yield "volcast_quarantined_rows", (symbol,), counts[symbol]


def drift(rows: Rows) -> Iterator[Sample]:
    """Yield the newest verdict of each symbol, and the subjects whose tests fired for it."""
    for symbol, verdict in newest_by_symbol([row for row in rows if row["subject"] == "verdict"]):
        at = close(verdict["session"])
        yield "volcast_drift_session_timestamp_seconds", (symbol,), at
        yield from _one_hot("volcast_drift_state", get_args(DriftState), verdict)
        yield "volcast_drift_alert", (symbol,), float(verdict["alert"])
        fired: Counter[str] = Counter()
        for row in rows:
            # Evidence against an earlier champion's rows may be next to this one's.
            same = all(row[n] == verdict[n] for n in ("symbol", "session", "reference_sha256"))
            if same and row is not verdict:
                fired[row["subject"]] += row["fired"]
        yield "volcast_drift_subjects_fired", (symbol,), sum(n > 0 for n in fired.values())
        for subject, count in fired.items():
            yield "volcast_drift_subject_fired", (symbol, subject), count


def performance(rows: Rows) -> Iterator[Sample]:
    """Yield the newest judgement of each symbol's track record."""
    for symbol, row in newest_by_symbol(rows):
        at = close(row["session"])
        yield "volcast_performance_session_timestamp_seconds", (symbol,), at
        yield from _one_hot("volcast_performance_state", get_args(ErrorState), row)
        for window in _WINDOWS:
            yield "volcast_performance_forecasts", (symbol, window), row[f"{window}_n"]
            points = row[f"{window}_rmse_points"]
            rmse = None if points is None else points / 100
            yield "volcast_performance_rmse_ratio", (symbol, window), rmse
            for forecast, suffix in _FORECASTS.items():
                qlike = row[f"{window}_qlike{suffix}"]
                yield "volcast_performance_qlike", (symbol, forecast, window), qlike
        for direction in ("worse", "better"):
            p = row[f"p_{direction}"]
            yield "volcast_performance_probability_ratio", (symbol, direction), p
        for interval in ("80", "95"):
            p = row[f"p_coverage_{interval}"]
            yield "volcast_interval_coverage_probability_ratio", (symbol, interval), p
            for window in _WINDOWS:
                share = row[f"{window}_coverage_{interval}"]
                yield "volcast_interval_coverage_ratio", (symbol, interval, window), share


def retrain(rows: Rows) -> Iterator[Sample]:
    """Yield whether training is needed, and the newest session that trained."""
    for symbol, row in newest_by_symbol(rows):
        yield "volcast_retrain_needed", (symbol,), float(row["needed"])
    for symbol, row in newest_by_symbol([row for row in rows if row["train"]]):
        yield "volcast_retrain_session_timestamp_seconds", (symbol,), close(row["session"])


def jobs(rows: Rows) -> Iterator[Sample]:
    """Yield when each pipeline last ended, and when it last succeeded."""
    in_order = sorted(rows, key=lambda row: row["ended_at"])
    for job, row in {row["job"]: row for row in in_order}.items():
        yield "volcast_job_last_end_timestamp_seconds", (job,), row["ended_at"].timestamp()
        yield "volcast_job_last_outcome", (job,), _OUTCOMES.get(row["outcome"], math.nan)
    succeeded = [row for row in in_order if row["outcome"] == "succeeded"]
    for job, row in {row["job"]: row for row in succeeded}.items():
        yield "volcast_job_last_success_timestamp_seconds", (job,), row["ended_at"].timestamp()


def _one_hot(name: str, states: tuple[str, ...], row: Row) -> Iterator[Sample]:
    """Yield 1 for the row's state, listed or not, and 0 for the others."""
    state = row["state"]
    for each in dict.fromkeys([*states, *([state] if state else [])]):
        yield name, (row["symbol"], each), float(each == state)
