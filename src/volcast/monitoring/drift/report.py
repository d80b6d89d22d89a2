"""From evidence to one state a session and one alert a cause, and to the rows that record them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Literal

import pandas as pd

from volcast.core import calendar
from volcast.monitoring.drift.evidence import Finding, Score, share_fired
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY

__all__ = [
    "ALARMING",
    "DriftReport",
    "DriftState",
    "Subject",
    "decide_state",
    "not_run",
    "opens_alert",
    "record",
]

DriftState = Literal["ok", "regime-shift", "drift", "data-fault", "not-run"]

ALARMING: tuple[DriftState, ...] = ("drift", "data-fault", "not-run")
"""States that need a person or a new training run; the model is made for a regime shift."""

_TURNED = 0.2
"""Share of the features at unusual levels over a month from which the market has turned; reached
in about 5 % of SPY's sessions from 2007 to 2019."""

_COOL_DOWN = 20
"""Sessions without a state after which it is a new cause."""

_KINDS = {
    "given_vix": "levels that VIX does not explain",
    "scale": "moves of another size than VIX and the other features explain",
}
_FAULTS = {
    "missing": "missing in {:.0f} of the newest sessions",
    "frozen": "the same {:.0f} sessions in a row",
    "beyond": "outside of all history by {:.1f} times its range",
}


@dataclass(frozen=True)
class DriftReport:
    """The state of a session, why, the share of features behind it, and whether it alerts."""

    state: DriftState
    detail: str
    share: float = 0.0
    alert: bool = False


@dataclass(frozen=True)
class Subject:
    """What is checked, and the champion's version and its training rows' checksum, if any."""

    symbol: str
    session: date
    version: str | None = None
    reference: str | None = None


def decide_state(
    tests: Sequence[Finding], faults: Sequence[Finding], scores: Sequence[Score]
) -> DriftReport:
    """Decide the state: a fault of the data before drift, drift before a regime shift.

    ``scores`` are of each kind of drift that could be tested.
    """
    broken = [fault for fault in faults if fault.fired]
    if broken:
        parts = [f"{f.subject} {_FAULTS[f.test].format(f.statistic)}" for f in broken[:3]]
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        share = len({f.subject for f in broken}) / len({f.subject for f in faults})
        return DriftReport("data-fault", "; ".join(parts) + more, share)
    worst = max(scores, key=lambda score: score.value, default=None)
    if worst is not None and worst.value > 1:
        detail = f"{_KINDS[worst.kind]}, {worst.value:.2f} of the bar"
        return DriftReport("drift", detail, worst.share)
    unusual = share_fired(tests, "ks_level", 20)
    if unusual is None or "scale" not in {score.kind for score in scores}:
        return DriftReport("not-run", "too few values in the newest sessions")
    state: DriftState = "regime-shift" if unusual >= _TURNED else "ok"
    return DriftReport(state, f"{unusual:.0%} of features at unusual levels for a month", unusual)


def opens_alert(state: DriftState, session: date, before: Mapping[date, str]) -> bool:
    """Return whether ``state`` at ``session`` is a new cause for alarm.

    A state that was there in the last `_COOL_DOWN` sessions, even with gaps, is the same cause.
    """
    first = calendar.after(session, -_COOL_DOWN)
    lasting = any(first <= day < session and earlier == state for day, earlier in before.items())
    return state in ALARMING and not lasting


def not_run(store: Store, subject: Subject, why: str) -> DriftReport:
    """Record that drift was not checked, which is never ``ok``."""
    return record(store, subject, DriftReport("not-run", why), [])


def record(
    store: Store, subject: Subject, report: DriftReport, evidence: Sequence[Finding]
) -> DriftReport:
    """Write the rows of one session; return the report with its alert.

    The alert depends on earlier sessions alone, so that a repeated check writes the same rows.
    """
    earlier = store.read(
        MONITORING_DRIFT_DAILY, symbols=[subject.symbol],
        first=calendar.after(subject.session, -_COOL_DOWN),
        last=subject.session - timedelta(days=1),
    ).to_pandas()  # fmt: skip
    states = earlier[earlier["subject"] == "verdict"].set_index("session")["state"]
    report = replace(report, alert=opens_alert(report.state, subject.session, states.to_dict()))
    rows = [asdict(f) | {"fired": f.fired, "alert": False, "detail": ""} for f in evidence]
    verdict = {
        "subject": "verdict", "test": "state", "window": 0, "n": 0, "reference_n": 0,
        "statistic": report.share, "fired": report.state != "ok", "state": report.state,
        "alert": report.alert, "detail": report.detail,
    }  # fmt: skip
    table = pd.DataFrame([*rows, verdict]).assign(
        symbol=subject.symbol, session=subject.session,
        model_version=subject.version, reference_sha256=subject.reference,
    )  # fmt: skip
    store.write(MONITORING_DRIFT_DAILY, table)
    return report
