"""The gate: whether a trained candidate may become champion, and why.

It rates the walk-forward forecasts of the candidate's recipe, never a fit on rows it has seen:

===============  =================================================================================
unchanged        its files are the champion's, byte for byte: passes
first            no champion of the symbol: QLIKE at least 5 % under HAR in logs; where implied
                 volatility covers less than 80 % of the rows, not above it; one behind is refused
                 with the advice to use that regression
new recipe       at least ten years (2520 sessions) on which QLIKE is at least 5 % under that of
                 the champion's recipe, one-sided Diebold-Mariano p < .025
refit            same recipe on newer data: not significantly worse than before on the same rows
===============  =================================================================================

A new recipe is compared with the champion's on the same rows, on the same knowledge: the
champion's recipe is walked forward over the candidate's rows, the newest sessions included. Where
present code cannot do that, with what the champion's own run stored, as the reasons report.

All need at least 756 rows, hardly a gap in them, and golden forecasts that come out as stored; none
may be significantly worse than HAR-X where there is implied volatility. One-year windows are too
noisy to decide on. How often the gate errs is in docs/adr/0013.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast import registry
from volcast.core.errors import GateRefused, ModelError
from volcast.core.names import LABELS
from volcast.evaluation.losses import gain
from volcast.evaluation.rows import rows_hash
from volcast.evaluation.statistics import SIGNIFICANT, diebold_mariano
from volcast.evaluation.table import losses
from volcast.models.forecaster import Forecaster
from volcast.registry.pointer import champion_pointer
from volcast.registry.run_files import REFUSED, GateDecision, Kind, Lineage, read_decision
from volcast.registry.versions import Version, content_hash, read_run, read_version
from volcast.store import Store
from volcast.training.champion_forecasts import (
    ROW,
    FeatureReader,
    champion_forecasts,
    run_forecasts,
)

__all__ = [
    "MIN_ROWS",
    "MIN_ROWS_NEW_RECIPE",
    "Challenge",
    "challenge",
    "decision_on",
    "evaluate_candidate",
    "refusal",
    "take_as_challenger",
]

Floats = NDArray[np.float64]

MIN_ROWS = 756
"""Sessions, three years of them, that a decision needs."""

MIN_ROWS_NEW_RECIPE = 2520
"""Sessions, ten years of them, that a new recipe needs: with fewer, one that is better on most days
and far worse on rare ones too often meets none of the rare ones, and one that is 10 % better in
truth too often goes unseen (docs/adr/0013)."""

_MARGIN = 0.05
"""Share of its QLIKE that a new recipe must save of the champion's."""

_NEW_RECIPE_LEVEL = 0.025
"""What the p-value of a new recipe must be under: losses depend on each other for longer than the
test can see, and their differences are skewed. At this level no kind of challenger without merit
passed more than 5 % of the time over ten years (docs/adr/0013)."""

_IV_SHARE = 0.80
_MAX_GAPS = 0.01


@dataclass(frozen=True)
class Challenge:
    """Whether a new recipe beat the champion's, by what share of QLIKE, and its p-value."""

    passed: bool
    gain: float
    p: float


@dataclass(frozen=True)
class _Check:
    """What one rule decides; ``lacks_proof`` if more sessions could make it pass."""

    passed: bool
    reason: str
    lacks_proof: bool = False


def challenge(ours: Floats, champions: Floats) -> Challenge:
    """Decide whether a new recipe's losses are so much lower that it may take over.

    Parameters
    ----------
    ours, champions : f8[n]
        Losses of both on the same rows, in order of time.

    Examples
    --------
    >>> champions = np.random.default_rng(4).gamma(2, 0.2, 3000)
    >>> challenge(0.94 * champions, champions).passed
    True
    >>> challenge(0.96 * champions, champions).passed
    False
    """
    saved, p = gain(ours, champions), diebold_mariano(ours, champions)
    return Challenge(saved >= _MARGIN and p < _NEW_RECIPE_LEVEL, saved, p)


def decision_on(store: Store, run_id: str, read_features: FeatureReader) -> GateDecision:
    """Return the recorded decision; `evaluate_candidate` if there is none for this champion."""
    champion = champion_pointer(store, _target(store, run_id))
    recorded = read_decision(store, run_id)
    if recorded and recorded.champion == (champion.sha256 if champion else ""):
        return recorded
    return evaluate_candidate(store, run_id, read_features)


def evaluate_candidate(store: Store, run_id: str, read_features: FeatureReader) -> GateDecision:
    """Compare a run with the champion, or with HAR in logs without one; record the decision.

    Parameters
    ----------
    run_id : str
        A finished training run; ``runs/<run_id>/verdict.json`` is written.
    read_features : FeatureReader
        The one that training read with; called where the champion's recipe is walked forward too.

    Raises
    ------
    ConfigError
        If the run is of another target than the store's; nothing is written then.
    ModelError
        If the run, or the champion's, lacks a file.
    CorruptFile, ContractError
        If an evaluation cannot be read or lacks a column.
    """
    files = read_run(store, run_id)
    lineage = Lineage.from_bytes(files["lineage.json"], f"runs/{run_id}/model/lineage.json")
    champion = champion_pointer(store, lineage.target)
    registry.require_own_target(store, lineage.target)
    if champion is not None and content_hash(files) == champion.sha256:
        reason = f"The run is version {champion.version}, the champion."
        decision = GateDecision(True, "unchanged", (reason,), champion=champion.sha256)
        if read_decision(store, run_id) is not None:
            return decision  # the record keeps why the run was promoted
    else:
        decision = _decide(store, run_id, files, lineage, champion, read_features)
    store.objects.put(f"runs/{run_id}/verdict.json", decision.to_bytes())
    return decision


def take_as_challenger(
    store: Store, run_id: str, read_features: FeatureReader, *, who: str, when: datetime
) -> Version | None:
    """Register a refused run and make it the challenger, if the gate's decision is "unproven".

    Returns
    -------
    Version or None
        The challenger, or None if the run was refused for another reason.
    """
    if not decision_on(store, run_id, read_features).unproven:
        return None
    version = registry.register(store, run_id)
    why = f"run {run_id[:12]} was not shown to be better"
    return registry.challenge(store, version.version, who=who, why=why, when=when)


def refusal(store: Store, run_id: str) -> GateRefused:
    """Return the error of a run that the gate refused."""
    target = _target(store, run_id)
    champion = champion_pointer(store, target)
    stays = "The champion stays." if champion else f"No model forecasts {target} yet."
    return GateRefused(
        found="a run that does not pass", expected="a run the gate lets pass",
        where=f"run {run_id}", remedy=f"{stays} The reasons are in runs/{run_id}/verdict.json.",
    )  # fmt: skip


def _target(store: Store, run_id: str) -> str:
    return Lineage.from_bytes(read_run(store, run_id)["lineage.json"]).target


def _decide(
    store: Store, run_id: str, files: Mapping[str, bytes], lineage: Lineage,
    champion: Version | None, read_features: FeatureReader,
) -> GateDecision:  # fmt: skip
    kind: Kind = "first"
    fault = ""
    if champion is not None:
        files_of_champion = read_version(store, champion)
        # A champion of another xgboost or of another stored format forecasts no more: it must not
        # keep out the one that would.
        fault = _fault(files_of_champion)
        if not fault:
            where = f"{champion.uri}lineage.json"
            theirs = Lineage.from_bytes(files_of_champion["lineage.json"], where)
            kind = "refit" if lineage.recipe == theirs.recipe else "new recipe"
    rows, gaps = run_forecasts(store, run_id)
    checks = [_enough(rows, gaps)]
    if checks[0].passed:
        if champion is not None and fault:
            reason = f"Version {champion.version} can no longer be served, so it is no bar. {fault}"
            checks.append(_Check(True, reason))
        if champion is None or kind == "first":
            checks.append(_first(rows))
        elif kind == "refit":
            checks.append(_refit(store, rows, champion))
        else:
            compared = champion_forecasts(store, run_id, lineage, champion, read_features)
            checks.append(_new_recipe(rows, *compared, champion))
        broken = _fault(files)
        golden = f"Golden forecasts: {broken}" if broken else "Golden forecasts come out as stored."
        checks += [_not_worse_than_har_x(rows), _Check(not broken, golden)]
    refused = [check for check in checks if not check.passed]
    return GateDecision(
        passed=not refused,
        kind=kind,
        reasons=tuple(("" if check.passed else REFUSED) + check.reason for check in checks),
        unproven=bool(refused) and all(check.lacks_proof for check in refused),
        champion="" if champion is None else champion.sha256,
    )


def _enough(rows: pd.DataFrame, gaps: float) -> _Check:
    if len(rows) < MIN_ROWS:
        return _Check(False, f"{len(rows)} walk-forward forecasts; {MIN_ROWS} are needed.")
    return _Check(
        gaps <= _MAX_GAPS,
        f"Judged on {_described(rows)}; {gaps:.2%} of the sessions since the first have no "
        f"forecast (bar: {_MAX_GAPS:.0%}).",
    )


def _first(rows: pd.DataFrame) -> _Check:
    label = LABELS["log_har"]
    comparable = rows[rows["log_har"].notna()]
    if len(comparable) < MIN_ROWS:
        return _Check(False, f"{label} has {len(comparable)} sessions; {MIN_ROWS} are needed.")
    saved = gain(losses(comparable, "forecast"), losses(comparable, "log_har"))
    share = float(comparable["vix"].notna().mean())
    needed = _MARGIN if share >= _IV_SHARE else 0.0
    bar = f"must be at least {needed:.0%} under" if needed else "must not be above"
    reason = (
        f"QLIKE is {_percent(saved)} {label}; that of a first model {bar} it where implied "
        f"volatility covers {share:.0%} of the sessions."
    )
    if saved >= needed:
        return _Check(True, reason)
    lead = (
        f"use {label}, column log_har of `volcast evaluate`" if saved < 0 else "wait for more data"
    )
    index = (
        "name the index of its implied volatility with `volcast ingest --iv` and train again, or "
    )
    return _Check(False, f"{reason} For this symbol {index if share < _IV_SHARE else ''}{lead}.")


def _refit(store: Store, rows: pd.DataFrame, champion: Version) -> _Check:
    shared = _shared(rows, run_forecasts(store, champion.run_id)[0])
    if len(shared) < MIN_ROWS:
        return _Check(False, _too_few(shared, champion, MIN_ROWS))
    version = f"version {champion.version}"
    return _not_worse(shared, "forecast_champion", version, _described(shared))


def _new_recipe(rows: pd.DataFrame, theirs: pd.DataFrame, origin: str, champion: Version) -> _Check:
    shared = _shared(rows, theirs)
    if len(shared) < MIN_ROWS_NEW_RECIPE:
        few = _too_few(shared, champion, MIN_ROWS_NEW_RECIPE)
        return _Check(False, f"{few} {origin}", lacks_proof=len(shared) > 0)
    ours, champions = losses(shared, "forecast"), losses(shared, "forecast_champion")
    result = challenge(ours, champions)
    return _Check(
        result.passed,
        f"QLIKE is {_percent(result.gain)} version {champion.version} on {_described(shared)}, p "
        f"{result.p:.3f}; a new recipe needs {_MARGIN:.0%} under and p < {_NEW_RECIPE_LEVEL}. "
        f"{origin}",
        lacks_proof=diebold_mariano(champions, ours) >= SIGNIFICANT,
    )


def _shared(rows: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Return the candidate's rows on which the champion has a forecast too."""
    champions = theirs[[*ROW, "forecast"]]
    return rows.merge(champions, on=ROW, suffixes=("", "_champion"), validate="one_to_one")


def _too_few(shared: pd.DataFrame, champion: Version, needed: int) -> str:
    return f"{len(shared)} sessions shared with version {champion.version}; {needed} are needed."


def _not_worse_than_har_x(rows: pd.DataFrame) -> _Check:
    implied = rows[rows["vix"].notna() & rows["har_x"].notna()]
    if len(implied) < MIN_ROWS:
        few = f"{len(implied)} sessions have implied volatility"
        return _Check(True, f"{few}; {MIN_ROWS} are needed to compare with HAR-X.")
    sessions = f"{len(implied)} sessions with implied volatility"
    return _not_worse(implied, "har_x", "HAR-X", sessions)


def _not_worse(rows: pd.DataFrame, column: str, label: str, sessions: str) -> _Check:
    """Check that the forecast is not significantly worse than the one in ``column``."""
    ours, theirs = losses(rows, "forecast"), losses(rows, column)
    p_worse = diebold_mariano(theirs, ours)
    return _Check(
        p_worse >= SIGNIFICANT,
        f"QLIKE is {_percent(gain(ours, theirs))} {label} on {sessions}; that it is worse has "
        f"p {p_worse:.3f} (bar: {SIGNIFICANT}).",
    )


def _fault(files: Mapping[str, bytes]) -> str:
    """Return why a model cannot be served from its files; empty if it can."""
    try:
        Forecaster.load(files).check_golden()
    except ModelError as error:
        return str(error)
    return ""


def _percent(saved: float) -> str:
    return f"{abs(saved):.2%} {'under' if saved >= 0 else 'above'}"


def _described(rows: pd.DataFrame) -> str:
    first, last = rows["session"].iloc[0], rows["session"].iloc[-1]
    return f"{len(rows)} sessions from {first} to {last} (rows {rows_hash(rows)})"
