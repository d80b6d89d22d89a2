"""Whether a session asks for a new training run: on drift, or on realized error that got worse.

A run that is asked for is judged by the gate like any other; nothing is redeployed by asking. What
is wrong with the data or moves with the market asks for none: training again would mend neither.

Asking is a claim on one small object that is swapped whole, so of callers that race, the daily
pipeline and the receiver of an alert, one is told to train.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from urllib.parse import quote

import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ModelError, StoreUnavailable
from volcast.core.hashing import as_json
from volcast.core.settings import Universe
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY, MONITORING_PERFORMANCE, MONITORING_RETRAIN

__all__ = ["DAILY", "PAUSE", "Decision", "ask", "decide", "last_asked", "withdraw"]

PAUSE = 5
"""Sessions from one run that was asked for to the next: a new outcome takes as long to be known."""

DAILY = "daily pipeline"
"""Who asks in `decide`."""

_TRIES = 20


@dataclass(frozen=True)
class Decision:
    """Whether the caller is to train.

    Parameters
    ----------
    asked : bool
        The run is the caller's to launch.
    last_asked : date or None
        Session of the newest request before this one.
    reason : str
        Why, or why not, in words.
    """

    asked: bool
    last_asked: date | None
    reason: str


@dataclass(frozen=True)
class _Claim:
    session: str
    by: str
    reason: str


def ask(store: Store, universe: Universe, session: date, *, by: str, reason: str) -> Decision:
    """Ask for a training run, at most one in `PAUSE` sessions for a target.

    Whoever is told ``asked`` must launch the run, or `withdraw`. A second call for the same session
    is not told so again, by whomever.

    Parameters
    ----------
    session : date
        Newest session of the store.
    by, reason : str
        Kept with the request.

    Raises
    ------
    ModelError
        If the object of requests cannot be read.
    StoreUnavailable
        If others moved it each time; nothing was asked for then.
    """
    for _ in range(_TRIES):
        claims, etag = _read(store, universe)
        newest = _newest(claims)
        if newest is not None and newest > calendar.after(session, -PAUSE):
            said = f"a run was asked for at {newest}, less than {PAUSE} sessions before"
            if newest > session:
                said = f"a run was asked for at {newest}, a later session"
            return Decision(False, newest, f"not asked: {said}; {reason}")
        if _write(store, universe, [*claims, _Claim(str(session), by, reason)], etag):
            return Decision(True, newest, reason)
    raise _contended(universe)


def last_asked(store: Store, universe: Universe) -> date | None:
    """Return the newest session that asked for a run, whoever asked; None if none did.

    Raises
    ------
    ModelError
        If the object of requests cannot be read.
    """
    return _newest(_read(store, universe)[0])


def withdraw(store: Store, universe: Universe, session: date, *, by: str) -> bool:
    """Take back what ``by`` asked for at ``session``, for a run that could not be launched.

    Returns
    -------
    bool
        Whether there was such a request.

    Raises
    ------
    ModelError
        If the object of requests cannot be read.
    StoreUnavailable
        If others moved it each time; the request stands then.
    """
    for _ in range(_TRIES):
        claims, etag = _read(store, universe)
        kept = [claim for claim in claims if (claim.session, claim.by) != (str(session), by)]
        if len(kept) == len(claims):
            return False
        if _write(store, universe, kept, etag):
            return True
    raise _contended(universe)


def decide(store: Store, universe: Universe, session: date) -> Decision:
    """Decide whether ``session`` asks for a training run, and write monitoring.retrain.

    Wanted is a run while there is drift, or the realized error is worse: as long as either lasts,
    every `PAUSE` sessions, for each has new rows to train on. So asks the receiver of alerts too.
    Decided again on the same evidence, the decision stands: same answer, same bytes.
    """
    drift, said = _drift(store, universe.target, session)
    error, detail = _error(store, universe.target, session)
    causes = [f"drift: {said}"] if drift == "drift" else []
    causes += [f"realized error worse: {detail}"] if error == "worse" else []
    evidence = {"drift_state": drift, "error_state": error, "wanted": bool(causes)}
    stored = store.read(MONITORING_RETRAIN, symbols=[universe.target], first=session, last=session)
    for row in stored.to_pylist():
        # What was asked for stands, though the run it led to may have changed the evidence.
        if row["asked"] or evidence.items() <= row.items():
            return Decision(row["asked"], row["last_asked"], row["reason"])
    found = _found(store, universe, session, "; ".join(causes), f"drift {drift}, error {error}")
    row = evidence | {
        "symbol": universe.target,
        "session": session,
        "asked": found.asked,
        "asked_by": DAILY if found.asked else None,
        "last_asked": found.last_asked,
        "reason": found.reason,
    }
    store.write(MONITORING_RETRAIN, pd.DataFrame([row]))
    return found


def _found(store: Store, universe: Universe, session: date, causes: str, evidence: str) -> Decision:
    claims, _ = _read(store, universe)
    last = _newest([claim for claim in claims if claim.session < str(session)])
    if not causes:
        return Decision(False, last, f"not wanted: {evidence}")
    # Killed between asking and writing the row, the pipeline runs again and finds its request.
    if any((claim.session, claim.by) == (str(session), DAILY) for claim in claims):
        return Decision(True, last, causes)
    return ask(store, universe, session, by=DAILY, reason=causes)


def _drift(store: Store, target: str, session: date) -> tuple[str, str]:
    """Return the state of the session's verdict, and its words."""
    rows = store.read(MONITORING_DRIFT_DAILY, symbols=[target], first=session, last=session)
    verdicts = [row for row in rows.to_pylist() if row["subject"] == "verdict"]
    return (verdicts[-1]["state"], verdicts[-1]["detail"]) if verdicts else ("not-run", "")


def _error(store: Store, target: str, session: date) -> tuple[str, str]:
    rows = store.read(MONITORING_PERFORMANCE, symbols=[target], first=session, last=session)
    found = rows.to_pylist()
    return (found[0]["state"], found[0]["detail"]) if found else ("too-few", "")


def _newest(claims: list[_Claim]) -> date | None:
    return max((date.fromisoformat(claim.session) for claim in claims), default=None)


def _key(universe: Universe) -> str:
    return f"monitoring/retrain/{quote(universe.target, safe='^ ')}.json"


def _read(store: Store, universe: Universe) -> tuple[list[_Claim], str | None]:
    stored = store.objects.get_or_none(_key(universe))
    if stored is None:
        return [], None
    try:
        return [_Claim(**claim) for claim in json.loads(stored.data)["asked"]], stored.etag
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            found=f"an object that is no list of requests ({error})", expected="what `ask` wrote",
            where=f"{store.uri}/{_key(universe)}",
            remedy="Remove it; the next session that wants a run asks anew.",
        ) from error  # fmt: skip


def _write(store: Store, universe: Universe, claims: list[_Claim], etag: str | None) -> bool:
    content = as_json({"asked": [asdict(claim) for claim in claims]})
    return store.objects.put_if(_key(universe), content, etag)


def _contended(universe: Universe) -> StoreUnavailable:
    return StoreUnavailable(
        found=f"{_TRIES} swaps lost to other callers", expected="a turn to ask",
        where=_key(universe), remedy="Ask again.",
    )  # fmt: skip
