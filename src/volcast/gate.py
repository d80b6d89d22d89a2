"""The gate: whether a trained candidate may become champion, and why.

Judged are the walk-forward forecasts of its recipe, never a fit on rows it has seen:

===============  =================================================================================
unchanged        its files are the champion's, byte for byte: passes
first            no champion of this target yet: QLIKE at least 5 % under log-HAR; where implied
                 volatility covers less than 80 % of the rows, not above log-HAR
new recipe       QLIKE at least 5 % under the champion's recipe on the same rows, one-sided
                 Diebold-Mariano p < .05
refit            same recipe on newer data: not significantly worse than before on the same rows
===============  =================================================================================

All need at least 756 rows, hardly a gap in them, and golden forecasts that come out as stored; none
may be significantly worse than HAR-X where there is implied volatility. One-year windows are too
noisy to decide on.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from volcast.errors import ContractError, CorruptFile, KeyMissing, ModelError
from volcast.evaluation.losses import diebold_mariano, qlike_losses
from volcast.evaluation.table import rows_hash
from volcast.models.forecaster import Forecaster
from volcast.registry.pointer import champion_pointer
from volcast.registry.versions import Version, content_hash, read_run, read_version, run_target
from volcast.storage import Store

__all__ = ["MIN_ROWS", "Kind", "Verdict", "judge"]

MIN_ROWS = 756
"""Sessions, three years of them, that a judgement needs."""

_MARGIN = 0.05
_LEVEL = 0.05
_IV_SHARE = 0.80
_MAX_GAPS = 0.01
_COLUMNS = ("session", "symbol", "rv_5d", "forecast", "log_har", "har_x", "vix")
_ROW = ["symbol", "session"]

Kind = Literal["unchanged", "first", "new recipe", "refit"]


@dataclass(frozen=True)
class Verdict:
    """The gate's word on a run: whether it passed, as what, and each reason with its numbers."""

    passed: bool
    kind: Kind
    reasons: list[str]


@dataclass(frozen=True)
class _Check:
    passed: bool
    reason: str


def judge(store: Store, run_id: str) -> Verdict:
    """Judge a finished training run against the champion, or against log-HAR when there is none.

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
    kind = _kind(store, files, champion)
    rows, gaps = _evaluated(store, run_id)
    checks = [_enough(rows, gaps)]
    if checks[0].passed:
        against = (
            _challenge(store, rows, champion, kind)
            if champion is not None and kind != "first"
            else _first(rows)
        )
        checks += [against, _not_below_har_x(rows), _golden(files)]
    return Verdict(
        passed=all(check.passed for check in checks),
        kind=kind,
        reasons=[("" if check.passed else "Refused: ") + check.reason for check in checks],
    )


def _kind(store: Store, files: Mapping[str, bytes], champion: Version | None) -> Kind:
    if champion is None or champion.target not in ("", run_target(files)):
        return "first"
    recipe = json.loads(files["lineage.json"])["recipe"]
    theirs = json.loads(read_version(store, champion)["lineage.json"])["recipe"]
    return "refit" if recipe == theirs else "new recipe"


def _evaluated(store: Store, run_id: str) -> tuple[pd.DataFrame, float]:
    """Return a run's forecasts with known outcome, in order of time, and the share of gaps.

    A gap is a session since the first forecast that has an outcome and no forecast: a recipe must
    not win by keeping silent on the hard days.
    """
    rows = _read(store, f"runs/{run_id}/evaluation.parquet")
    rows = rows[rows["rv_5d"] > 0].sort_values(_ROW, ignore_index=True)
    forecast = rows["forecast"].gt(0) & np.isfinite(rows["forecast"])
    since_first = forecast[forecast.cummax()]
    gaps = float(1 - since_first.mean()) if len(since_first) else 0.0
    return rows[forecast], gaps


def _read(store: Store, key: str) -> pd.DataFrame:
    try:
        rows = pd.read_parquet(io.BytesIO(store.objects.get(key)))
    except KeyMissing as error:
        raise ModelError(
            found="no such file",
            expected="the walk-forward forecasts of the run",
            where=key,
            remedy="Train it again: `volcast train`.",
        ) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise CorruptFile(
            found=str(error), expected="a Parquet file", where=key, remedy="Train the run again."
        ) from error
    missing = sorted(set(_COLUMNS) - set(rows.columns))
    if missing:
        raise ContractError(
            found=f"missing columns {missing}",
            expected=f"at least {list(_COLUMNS)}",
            where=key,
            remedy="Train the run again with this version of volcast.",
        )
    return rows


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
    gain = _gain(_losses(known, "forecast"), _losses(known, "log_har"))
    share = float(known["vix"].notna().mean())
    needed = _MARGIN if share >= _IV_SHARE else 0.0
    return _Check(
        gain >= needed,
        f"QLIKE is {_percent(gain)} log-HAR; at least {needed:.0%} under is needed where "
        f"implied volatility covers {share:.0%} of the sessions.",
    )


def _challenge(store: Store, rows: pd.DataFrame, champion: Version, kind: Kind) -> _Check:
    theirs, _ = _evaluated(store, champion.run_id)
    theirs = theirs[[*_ROW, "forecast"]]
    shared = rows.merge(theirs, on=_ROW, suffixes=("", "_champion"), validate="one_to_one")
    who = f"version {champion.version}"
    if len(shared) < MIN_ROWS:
        return _Check(False, f"{len(shared)} sessions shared with {who}; {MIN_ROWS} are needed.")
    ours, champions = _losses(shared, "forecast"), _losses(shared, "forecast_champion")
    gain = _gain(ours, champions)
    found = f"QLIKE is {_percent(gain)} {who} on {_described(shared)}"
    if kind == "refit":
        p = diebold_mariano(champions, ours).p_better
        return _Check(p >= _LEVEL, f"{found}; that it is worse has p {p:.3f} (bar: {_LEVEL}).")
    p = diebold_mariano(ours, champions).p_better
    return _Check(
        gain >= _MARGIN and p < _LEVEL,
        f"{found}, p {p:.3f}; a new recipe needs {_MARGIN:.0%} under and p < {_LEVEL}.",
    )


def _not_below_har_x(rows: pd.DataFrame) -> _Check:
    implied = rows[rows["vix"].notna() & rows["har_x"].notna()]
    if len(implied) < MIN_ROWS:
        return _Check(
            True,
            f"{len(implied)} sessions have implied volatility; {MIN_ROWS} are needed for a word "
            "on HAR-X.",
        )
    ours, har_x = _losses(implied, "forecast"), _losses(implied, "har_x")
    p = diebold_mariano(har_x, ours).p_better
    gain = _gain(ours, har_x)
    return _Check(
        p >= _LEVEL,
        f"QLIKE is {_percent(gain)} HAR-X on {len(implied)} sessions with implied volatility; "
        f"that it is worse has p {p:.3f} (bar: {_LEVEL}).",
    )


def _golden(files: Mapping[str, bytes]) -> _Check:
    try:
        Forecaster.load(files).check_golden()
    except ModelError as error:
        return _Check(False, f"Golden forecasts: {error}")
    return _Check(True, "Golden forecasts come out as stored.")


def _losses(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """QLIKE of the volatilities in ``column``, f8[n]."""
    return qlike_losses(rows["rv_5d"].to_numpy(float) ** 2, rows[column].to_numpy(float) ** 2)


def _gain(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Share by which our mean loss is under theirs; negative if above."""
    return 1.0 - float(ours.mean() / theirs.mean())


def _percent(gain: float) -> str:
    return f"{abs(gain):.2%} {'under' if gain >= 0 else 'above'}"


def _described(rows: pd.DataFrame) -> str:
    first, last = rows["session"].iloc[0], rows["session"].iloc[-1]
    return f"{len(rows)} sessions from {first} to {last} (rows {rows_hash(rows)})"
