"""The verdict on a run: each check with its reason, and what it comes to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core.errors import ModelError
from volcast.evaluation.losses import qlike_losses
from volcast.evaluation.table import rows_hash
from volcast.evaluation.walkforward import Progress
from volcast.models.forecaster import Forecaster
from volcast.registry.pointer import champion_pointer
from volcast.registry.versions import Version, content_hash, read_run, read_version, run_target
from volcast.store import Store
from volcast.training.gate.decision import LEVEL, MARGIN, NEW_RECIPE_LEVEL, challenge, gain, worse
from volcast.training.gate.evidence import champions_forecasts, evaluated

__all__ = ["MIN_ROWS", "MIN_ROWS_NEW_RECIPE", "Kind", "Verdict", "judge"]

MIN_ROWS = 756
"""Sessions, three years of them, that a judgement needs."""

MIN_ROWS_NEW_RECIPE = 2520
"""Sessions, ten years of them, that a new recipe needs: with fewer, one that is better on most days
and far worse on rare ones too often meets none of the rare ones, and one that is 10 % better in
truth too often goes unseen (docs/adr/0013)."""

_IV_SHARE = 0.80
_MAX_GAPS = 0.01
_ROW = ["symbol", "session"]

Kind = Literal["unchanged", "first", "new recipe", "refit"]


@dataclass(frozen=True)
class Verdict:
    """The gate's word on a run.

    Parameters
    ----------
    passed : bool
    kind : {"unchanged", "first", "new recipe", "refit"}
        What it was judged as.
    reasons : list of str
        One a check, with its numbers.
    unproven : bool
        Whether it is a new recipe with nothing against it but that it was not shown to be better:
        one to run in the champion's shadow.
    """

    passed: bool
    kind: Kind
    reasons: list[str]
    unproven: bool = False


@dataclass(frozen=True)
class _Check:
    passed: bool
    reason: str
    wants_proof: bool = False


def judge(store: Store, run_id: str, progress: Progress | None = None) -> Verdict:
    """Judge a finished training run against the champion, or against log-HAR when there is none.

    Parameters
    ----------
    store : Store
    run_id : str
    progress : callable or None
        Called with the count of fits done, and of all, where the champion's recipe is walked
        forward too.

    Raises
    ------
    ModelError
        If the run, or the champion's, lacks a file.
    CorruptFile, ContractError
        If an evaluation cannot be read or lacks a column.
    """
    files = read_run(store, run_id)
    champion = champion_pointer(store)
    if champion is not None and content_hash(files) == champion.sha256:
        return Verdict(True, "unchanged", [f"The run is version {champion.version}, the champion."])
    champions = None if champion is None else read_version(store, champion)
    # So it is after an upgrade of xgboost or of the stored format. Such a champion forecasts no
    # more, and must not keep out the one that would.
    fault = "" if champions is None else _fault(champions)
    kind = "first" if fault else _kind(files, champion, champions)
    rows, gaps = evaluated(store, run_id)
    checks = [_enough(rows, gaps)]
    if checks[0].passed:
        if champion is not None and fault:
            said = f"Version {champion.version} can no longer be served, so it is no bar. {fault}"
            checks.append(_Check(True, said))
        if champion is None or kind == "first":
            checks.append(_first(rows))
        elif kind == "refit":
            checks.append(_refit(store, rows, champion))
        else:
            lineage = json.loads(files["lineage.json"])
            checks.append(_new_recipe(store, rows, run_id, lineage, champion, progress))
        checks += [_not_below_har_x(rows), _golden(files)]
    refused = [check for check in checks if not check.passed]
    return Verdict(
        passed=not refused,
        kind=kind,
        reasons=[("" if check.passed else "Refused: ") + check.reason for check in checks],
        unproven=bool(refused) and all(check.wants_proof for check in refused),
    )


def _kind(
    files: Mapping[str, bytes], champion: Version | None, champions: Mapping[str, bytes] | None
) -> Kind:
    if champion is None or champions is None or champion.target not in ("", run_target(files)):
        return "first"
    ours, theirs = (json.loads(of["lineage.json"])["recipe"] for of in (files, champions))
    return "refit" if ours == theirs else "new recipe"


def _enough(rows: pd.DataFrame, gaps: float) -> _Check:
    if len(rows) < MIN_ROWS:
        return _Check(False, f"{len(rows)} walk-forward forecasts; {MIN_ROWS} are needed.")
    return _Check(
        gaps <= _MAX_GAPS,
        f"Judged on {_described(rows)}; {gaps:.2%} of the sessions since the first have no "
        f"forecast (bar: {_MAX_GAPS:.0%}).",
    )


def _first(rows: pd.DataFrame) -> _Check:
    known = rows[rows["log_har"].notna()]
    if len(known) < MIN_ROWS:
        return _Check(False, f"log-HAR has {len(known)} sessions; {MIN_ROWS} are needed.")
    saved = gain(_losses(known, "forecast"), _losses(known, "log_har"))
    share = float(known["vix"].notna().mean())
    needed = MARGIN if share >= _IV_SHARE else 0.0
    return _Check(
        saved >= needed,
        f"QLIKE is {_percent(saved)} log-HAR; at least {needed:.0%} under is needed where "
        f"implied volatility covers {share:.0%} of the sessions.",
    )


def _refit(store: Store, rows: pd.DataFrame, champion: Version) -> _Check:
    shared = _shared(rows, evaluated(store, champion.run_id)[0])
    if len(shared) < MIN_ROWS:
        return _too_few(shared, champion, MIN_ROWS)
    ours, champions = _losses(shared, "forecast"), _losses(shared, "forecast_champion")
    significantly, p = worse(ours, champions)
    return _Check(
        not significantly,
        f"QLIKE is {_percent(gain(ours, champions))} version {champion.version} on "
        f"{_described(shared)}; that it is worse has p {p:.3f} (bar: {LEVEL}).",
    )


def _new_recipe(
    store: Store, rows: pd.DataFrame, run_id: str, lineage: Mapping[str, Any], champion: Version,
    progress: Progress | None,
) -> _Check:  # fmt: skip
    theirs = champions_forecasts(store, run_id, lineage, champion, progress)
    shared = _shared(rows, theirs.rows)
    if len(shared) < MIN_ROWS_NEW_RECIPE:
        few = _too_few(shared, champion, MIN_ROWS_NEW_RECIPE)
        return _Check(False, f"{few.reason} {theirs.how}", wants_proof=len(shared) > 0)
    ours, champions = _losses(shared, "forecast"), _losses(shared, "forecast_champion")
    made = challenge(ours, champions)
    return _Check(
        made.passed,
        f"QLIKE is {_percent(made.gain)} version {champion.version} on {_described(shared)}, p "
        f"{made.p:.3f}; a new recipe needs {MARGIN:.0%} under and p < {NEW_RECIPE_LEVEL}. "
        f"{theirs.how}",
        wants_proof=not worse(ours, champions)[0],
    )


def _shared(rows: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Return the candidate's rows on which the champion has a forecast too."""
    champions = theirs[[*_ROW, "forecast"]]
    return rows.merge(champions, on=_ROW, suffixes=("", "_champion"), validate="one_to_one")


def _too_few(shared: pd.DataFrame, champion: Version, needed: int) -> _Check:
    found = f"{len(shared)} sessions shared with version {champion.version}"
    return _Check(False, f"{found}; {needed} are needed.")


def _not_below_har_x(rows: pd.DataFrame) -> _Check:
    implied = rows[rows["vix"].notna() & rows["har_x"].notna()]
    if len(implied) < MIN_ROWS:
        return _Check(
            True,
            f"{len(implied)} sessions have implied volatility; {MIN_ROWS} are needed for a word "
            "on HAR-X.",
        )
    ours, har_x = _losses(implied, "forecast"), _losses(implied, "har_x")
    significantly, p = worse(ours, har_x)
    return _Check(
        not significantly,
        f"QLIKE is {_percent(gain(ours, har_x))} HAR-X on {len(implied)} sessions with implied "
        f"volatility; that it is worse has p {p:.3f} (bar: {LEVEL}).",
    )


def _golden(files: Mapping[str, bytes]) -> _Check:
    fault = _fault(files)
    if fault:
        return _Check(False, f"Golden forecasts: {fault}")
    return _Check(True, "Golden forecasts come out as stored.")


def _fault(files: Mapping[str, bytes]) -> str:
    """Say why a model cannot be served from its files; empty if it can."""
    try:
        Forecaster.load(files).check_golden()
    except ModelError as error:
        return str(error)
    return ""


def _losses(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """QLIKE of the volatilities in ``column``, f8[n]."""
    return qlike_losses(rows["rv_5d"].to_numpy(float) ** 2, rows[column].to_numpy(float) ** 2)


def _percent(saved: float) -> str:
    return f"{abs(saved):.2%} {'under' if saved >= 0 else 'above'}"


def _described(rows: pd.DataFrame) -> str:
    first, last = rows["session"].iloc[0], rows["session"].iloc[-1]
    return f"{len(rows)} sessions from {first} to {last} (rows {rows_hash(rows)})"
