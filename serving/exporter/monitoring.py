"""Newest results of the checks: quality, drift, track record, retraining, ends of pipelines."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias, get_args

from serving.exporter.sample import Row, Rows, Sample, close, newest, one_hot
from volcast.monitoring.drift import DriftState
from volcast.monitoring.score import State as ErrorState

_Value: TypeAlias = tuple[str, tuple[str, ...], float | None]

_DRIFT_STATES: tuple[str, ...] = get_args(DriftState)
_PERFORMANCE_STATES: tuple[str, ...] = get_args(ErrorState)
_OUTCOMES = {"succeeded": 1.0, "failed": 0.0}
_SEVERITIES = ("critical", "warning")
_WINDOWS = ("recent", "before")
_FORECASTS = {"volcast": "", "har": "_har", "vix": "_vix"}


def quality(rows: Rows) -> Iterator[Sample]:
    """Yield the checks that failed when each suite last ran."""
    for (symbol, suite), latest in newest(rows, "symbol", "suite").items():
        at = close(latest[0]["session"])
        yield Sample("volcast_quality_session_timestamp_seconds", (symbol, suite), at)
        failed = Counter(row["severity"] for row in latest if not row["passed"])
        for severity in _SEVERITIES:
            labels = (symbol, suite, severity)
            yield Sample("volcast_quality_checks_failed", labels, failed[severity])


def quarantine(rows: Rows, curated: Rows) -> Iterator[Sample]:
    """Yield how many rows of each symbol were kept out; 0 where none was."""
    counts = Counter(row["symbol"] for row in rows)
    for symbol in sorted(counts.keys() | {row["symbol"] for row in curated}):
        yield Sample("volcast_quarantined_rows", (symbol,), counts[symbol])


def drift(rows: Rows) -> Iterator[Sample]:
    """Yield the newest verdict of each symbol, and the subjects whose tests fired for it."""
    verdicts = [row for row in rows if row["subject"] == "verdict"]
    for (symbol,), (verdict, *_) in newest(verdicts, "symbol").items():
        session = verdict["session"]
        yield Sample("volcast_drift_session_timestamp_seconds", (symbol,), close(session))
        yield from one_hot("volcast_drift_state", symbol, _DRIFT_STATES, verdict["state"])
        yield Sample("volcast_drift_alert", (symbol,), float(verdict["alert"]))
        tests = [
            row
            for row in rows
            if (row["symbol"], row["session"]) == (symbol, session)
            and row is not verdict
            # Evidence against an earlier champion's rows may be next to this one's.
            and row["reference_sha256"] == verdict["reference_sha256"]
        ]
        fired = Counter({row["subject"]: 0 for row in tests})
        fired.update(row["subject"] for row in tests if row["fired"])
        yield Sample(
            "volcast_drift_subjects_fired", (symbol,), sum(count > 0 for count in fired.values())
        )
        for subject, count in fired.items():
            yield Sample("volcast_drift_subject_fired", (symbol, subject), count)


def performance(rows: Rows) -> Iterator[Sample]:
    """Yield the newest judgement of each symbol's track record."""
    for (symbol,), (row, *_) in newest(rows, "symbol").items():
        at = close(row["session"])
        yield Sample("volcast_performance_session_timestamp_seconds", (symbol,), at)
        yield from one_hot("volcast_performance_state", symbol, _PERFORMANCE_STATES, row["state"])
        yield from _present(_performance(symbol, row))


def _performance(symbol: str, row: Row) -> Iterator[_Value]:
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


def _present(values: Iterator[_Value]) -> Iterator[Sample]:
    return (Sample(name, labels, value) for name, labels, value in values if value is not None)


def retrain(rows: Rows) -> Iterator[Sample]:
    """Yield whether training is needed, and the newest session that trained."""
    for (symbol,), (row, *_) in newest(rows, "symbol").items():
        yield Sample("volcast_retrain_needed", (symbol,), float(row["needed"]))
    trained = [row for row in rows if row["train"]]
    for (symbol,), (row, *_) in newest(trained, "symbol").items():
        at = close(row["session"])
        yield Sample("volcast_retrain_session_timestamp_seconds", (symbol,), at)


def jobs(rows: Rows) -> Iterator[Sample]:
    """Yield when each pipeline last ended, and when it last succeeded."""
    for row in _last(rows):
        labels = (row["job"],)
        at = row["ended_at"].timestamp()
        yield Sample("volcast_job_last_end_timestamp_seconds", labels, at)
        outcome = _OUTCOMES.get(row["outcome"], math.nan)
        yield Sample("volcast_job_last_outcome", labels, outcome)
    for row in _last([row for row in rows if row["outcome"] == "succeeded"]):
        at = row["ended_at"].timestamp()
        yield Sample("volcast_job_last_success_timestamp_seconds", (row["job"],), at)


def _last(rows: Rows) -> list[Row]:
    newest_by_job: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row["ended_at"]):
        newest_by_job[row["job"]] = row
    return list(newest_by_job.values())
