"""From evidence to one state a session, and from states to one alert a cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from volcast.core import calendar
from volcast.monitoring.drift.evidence import Batch, Finding, fired

__all__ = ["ALARMING", "COOL_DOWN", "TURNED", "State", "Verdict", "judge", "opens_alert"]

State = Literal["ok", "regime-shift", "drift", "data-fault", "not-run"]

ALARMING: tuple[State, ...] = ("drift", "data-fault", "not-run")
"""A market that turns is what the model is for; the others want a person, or a new training run."""

TURNED = 0.2
"""Share of the features whose level over a month is unusual, from which on the market has turned:
so in about 5 % of SPY's sessions from 2007 to 2019."""

COOL_DOWN = 20
"""Sessions without a state after which it is a new cause."""


@dataclass(frozen=True)
class Verdict:
    """What a session's evidence comes to.

    Parameters
    ----------
    state : str
        ok, regime-shift, drift, data-fault or not-run.
    detail : str
        Why, in words.
    share : float
        Share of the features that speak for it.
    alert : bool
        Whether this session opens an alert.
    """

    state: State
    detail: str
    share: float = 0.0
    alert: bool = False


def judge(found: Sequence[Finding], of_data: Sequence[Finding], kinds: Sequence[Batch]) -> Verdict:
    """Name the state: a fault of the data before drift, drift before a market that has turned.

    Parameters
    ----------
    found : sequence of Finding
        Of the features.
    of_data : sequence of Finding
        Missing, frozen and far values.
    kinds : sequence of Batch
    """
    broken = [finding for finding in of_data if finding.fired]
    if broken:
        share = len({f.subject for f in broken}) / len({f.subject for f in of_data})
        return Verdict("data-fault", _listed(broken), share)
    drifted = [kind for kind in kinds if kind.reach > 1]
    if drifted:
        worst = max(drifted, key=lambda kind: kind.reach)
        words = {
            "given_vix": "levels that VIX does not explain",
            "scale": "moves of another size than VIX and the other features explain",
        }
        return Verdict("drift", f"{words[worst.kind]}, {worst.reach:.2f} of the bar", worst.share)
    unusual = fired(found, "ks_level", 20)
    if unusual is None or "scale" not in {kind.kind for kind in kinds}:
        return Verdict("not-run", "too few values of the newest sessions are known to test them")
    state: State = "regime-shift" if unusual >= TURNED else "ok"
    return Verdict(state, f"{unusual:.0%} of features at unusual levels for a month", unusual)


def opens_alert(state: State, session: date, before: Mapping[date, str]) -> bool:
    """Say whether ``state`` at ``session`` is a new cause for alarm.

    Parameters
    ----------
    before : mapping of date to str
        States of earlier sessions, as far back as `COOL_DOWN`; others are not looked at. One cause
        is one alert, however long it lasts, and a state that comes and goes is one cause.
    """
    if state not in ALARMING:
        return False
    first = calendar.after(session, -COOL_DOWN)
    return not any(first <= day < session and held == state for day, held in before.items())


def _listed(broken: Sequence[Finding]) -> str:
    words = {
        "missing": "missing in {:.0f} of the newest sessions",
        "frozen": "the same {:.0f} sessions in a row",
        "beyond": "outside of all history by {:.1f} times its range",
    }
    told = [f"{f.subject} {words[f.test].format(f.statistic)}" for f in broken[:3]]
    more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
    return "; ".join(told) + more
