"""The table of skill: the forecast against each baseline, on the same rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core.errors import ContractError
from volcast.evaluation.columns import EVALUATION_BASELINES
from volcast.evaluation.losses import diebold_mariano, qlike_losses, rmse_points
from volcast.evaluation.statistics import log_r2

__all__ = [
    "Skill",
    "SkillTable",
    "compare",
    "line_losses",
    "present_baselines",
    "rows_hash",
    "scored",
    "shown_p",
    "skill_as_dict",
    "with_all_baselines",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Skill:
    """One line of the table.

    Parameters
    ----------
    name : str
        volcast, or a baseline.
    qlike, rmse : float
        Mean QLIKE; RMSE in volatility points.
    gain : float
        Share of this line's QLIKE that volcast saves; 0 for volcast itself.
    p_better : float
        One-sided Diebold-Mariano p-value of "volcast is no better".
    r2_log : float
        Share of the variance of log volatility explained, without a refit.
    """

    name: str
    qlike: float
    rmse: float
    gain: float
    p_better: float
    r2_log: float


@dataclass(frozen=True)
class SkillTable:
    """Lines on the same rows, named by count, dates and the hash of the row index.

    ``coverage80`` and ``coverage95`` are the shares of outcomes inside the intervals, over the
    rows that have intervals; ``left_out`` are baselines that lack a value on some row.
    """

    lines: tuple[Skill, ...]
    rows: int
    first: date
    last: date
    rows_hash: str
    left_out: tuple[str, ...]
    coverage80: float
    coverage95: float

    def line(self, name: str) -> Skill:
        """Return the line of that name; KeyError if it is not in the table."""
        return {line.name: line for line in self.lines}[name]


def compare(
    evaluation: pd.DataFrame, first: date | None = None, last: date | None = None
) -> SkillTable:
    """Compare over the sessions from ``first`` to ``last`` that have forecast and outcome.

    Parameters
    ----------
    evaluation : pandas.DataFrame
        Columns of an evaluation file.

    Raises
    ------
    ContractError
        If no row has both.
    """
    rows = scored(evaluation)
    if first:
        rows = rows[rows["session"] >= first]
    if last:
        rows = rows[rows["session"] <= last]
    if rows.empty:
        raise ContractError(
            found="no session with a forecast and an outcome", expected="at least one",
            where=f"evaluation from {first or 'the start'} to {last or 'the end'}",
            remedy="Choose dates at least four years after the history's start.",
        )  # fmt: skip
    variance = rows["rv_5d"].to_numpy(dtype=float) ** 2
    ours = _losses(rows, "forecast", variance)
    present = present_baselines(rows)
    lines = [_line("volcast", "forecast", rows, ours), *(_line(n, n, rows, ours) for n in present)]
    return SkillTable(
        lines=tuple(lines),
        rows=len(rows),
        first=rows["session"].iloc[0],
        last=rows["session"].iloc[-1],
        rows_hash=rows_hash(rows),
        left_out=tuple(name for name in EVALUATION_BASELINES if name not in present),
        coverage80=_coverage(rows, "80"),
        coverage95=_coverage(rows, "95"),
    )


def present_baselines(rows: pd.DataFrame) -> list[str]:
    """Return the baselines that have a value on every row."""
    return [name for name in EVALUATION_BASELINES if rows[name].notna().all()]


def line_losses(rows: pd.DataFrame, baselines: Sequence[str]) -> pd.DataFrame:
    """Return the QLIKE of volcast and of these baselines on each scored row, f8[n, 1 + k]."""
    variance = rows["rv_5d"].to_numpy(dtype=float) ** 2
    columns = {"volcast": "forecast"} | {name: name for name in baselines}
    return pd.DataFrame(
        {line: _losses(rows, column, variance) for line, column in columns.items()},
        index=rows.index,
    )


def scored(evaluation: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have both a forecast and an outcome."""
    return evaluation[evaluation["forecast"].notna() & evaluation["rv_5d"].notna()]


def with_all_baselines(evaluation: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on which every baseline has a value, but for those that have none at all."""
    stand = [name for name in EVALUATION_BASELINES if evaluation[name].notna().any()]
    return evaluation[evaluation[stand].notna().all(axis=1)]


def rows_hash(rows: pd.DataFrame) -> str:
    """Return a short hash of symbol and session of each row: equal only for the same rows."""
    text = "\n".join(f"{s} {d}" for s, d in zip(rows["symbol"], rows["session"], strict=True))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def shown_p(p: float) -> str:
    """Return a p-value as a reader is shown it: none is nothing."""
    return "< .0001" if p < 0.0001 else f"{p:.4f}"


def skill_as_dict(table: SkillTable) -> dict[str, object]:
    """Return the table for a JSON file: dates as text, a missing number as null."""

    def plain(value: object) -> object:
        if isinstance(value, float):
            return value if np.isfinite(value) else None
        return str(value) if isinstance(value, date) else value

    whole = {name: plain(value) for name, value in asdict(table).items() if name != "lines"}
    return whole | {"lines": [asdict(line) for line in table.lines]}


def _losses(rows: pd.DataFrame, column: str, variance: Floats) -> Floats:
    return qlike_losses(variance, rows[column].to_numpy(dtype=float) ** 2)


def _line(name: str, column: str, rows: pd.DataFrame, ours: Floats) -> Skill:
    rv = rows["rv_5d"].to_numpy(dtype=float)
    losses, forecast = _losses(rows, column, rv**2), rows[column].to_numpy(dtype=float)
    return Skill(
        name=name,
        qlike=float(losses.mean()),
        rmse=rmse_points(rv, forecast),
        r2_log=log_r2(rv, forecast),
        gain=float(1 - ours.mean() / losses.mean()),
        p_better=diebold_mariano(ours, losses).p_better,
    )


def _coverage(rows: pd.DataFrame, share: str) -> float:
    ready = rows[rows[f"lo{share}"].notna()]
    inside = ready["rv_5d"].between(ready[f"lo{share}"], ready[f"hi{share}"])
    return float(inside.mean()) if len(ready) else float("nan")
