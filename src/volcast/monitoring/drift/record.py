"""Rows of monitoring.drift_daily: the evidence of a session, and its verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from volcast.core import calendar
from volcast.monitoring.drift.evidence import Finding
from volcast.monitoring.drift.verdict import COOL_DOWN, Verdict, opens_alert
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY

__all__ = ["Subject", "not_run", "record"]


@dataclass(frozen=True)
class Subject:
    """What was checked: the symbol, the session, and against which champion's rows.

    Parameters
    ----------
    symbol : str
    session : date
    version, reference : str or None
        The champion's version and the checksum of its training rows, as far as known.
    """

    symbol: str
    session: date
    version: str | None = None
    reference: str | None = None


def not_run(store: Store, subject: Subject, why: str) -> Verdict:
    """Record that nothing is known of drift, which is never taken for ``ok``."""
    return record(store, subject, Verdict("not-run", why), [])


def record(
    store: Store, subject: Subject, verdict: Verdict, evidence: Sequence[Finding]
) -> Verdict:
    """Write the rows of one session; return the verdict with its alert.

    Whether an alert opens depends on the verdicts before, never on one of the same session, so
    that a check that is run again writes the same.
    """
    alert = opens_alert(verdict.state, subject.session, _states_before(store, subject))
    verdict = replace(verdict, alert=alert)
    lines = [_line(finding) for finding in evidence]
    lines.append(
        {
            "subject": "verdict", "test": "state", "window": 0, "n": 0, "reference_n": 0,
            "statistic": verdict.share, "fired": verdict.state != "ok", "state": verdict.state,
            "alert": alert, "detail": verdict.detail,
        }
    )  # fmt: skip
    of_all = {
        "symbol": subject.symbol,
        "session": subject.session,
        "model_version": subject.version,
        "reference_sha256": subject.reference,
    }
    store.write(MONITORING_DRIFT_DAILY, pd.DataFrame([of_all | line for line in lines]))
    return verdict


def _line(finding: Finding) -> dict[str, object]:
    return {
        "subject": finding.subject, "test": finding.test, "window": finding.window,
        "n": finding.n, "reference_n": finding.reference_n, "statistic": finding.statistic,
        "threshold": finding.threshold, "fired": finding.fired, "alert": False, "detail": "",
    }  # fmt: skip


def _states_before(store: Store, subject: Subject) -> dict[date, str]:
    held = store.read(
        MONITORING_DRIFT_DAILY,
        symbols=[subject.symbol],
        first=calendar.after(subject.session, -COOL_DOWN),
        last=subject.session - timedelta(days=1),
    ).to_pandas()
    verdicts = held[held["subject"] == "verdict"]
    return dict(zip(verdicts["session"], verdicts["state"], strict=True))
