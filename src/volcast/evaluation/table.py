"""The table of skill: the forecast compared with each baseline, on the same rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from volcast.core.errors import ContractError
from volcast.core.names import EVALUATION_BASELINES
from volcast.evaluation.losses import gain, log_r2, qlike_losses, rmse_points
from volcast.evaluation.rows import rows_hash, scored
from volcast.evaluation.statistics import confidence_set, diebold_mariano, mincer_zarnowitz

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Skill", "SkillTable", "compare", "diagnostics", "losses", "shown_p"]

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
    r2_log: float = nan


@dataclass(frozen=True)
class SkillTable:
    """Lines on the same rows, named by count, dates and the hash of the row index.

    ``coverage80`` and ``coverage95`` are the shares of outcomes inside the intervals, over the
    rows that have intervals, NaN without; ``left_out`` are baselines that lack a value on some row.
    """

    lines: tuple[Skill, ...]
    rows: int
    first: date
    last: date
    rows_hash: str = ""
    left_out: tuple[str, ...] = ()
    coverage80: float = nan
    coverage95: float = nan

    def line(self, name: str) -> Skill:
        """Return the line of that name; KeyError if it is not in the table."""
        return {line.name: line for line in self.lines}[name]

    def as_dict(self) -> dict[str, Any]:
        """Return the table for a JSON file: dates as text, a missing number as null."""
        stored = asdict(self)
        return _plain(stored) | {"lines": [_plain(line) for line in stored["lines"]]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "SkillTable":
        """Return the table that `as_dict` gave; KeyError, TypeError or ValueError if it is none."""
        values = _numbers(stored)
        lines = [Skill(**_numbers(line)) for line in values.pop("lines")]
        dates = {name: date.fromisoformat(values[name]) for name in ("first", "last")}
        left_out = tuple(values.get("left_out", ()))
        return cls(**(values | dates | {"lines": tuple(lines), "left_out": left_out}))


def compare(evaluation: "pd.DataFrame") -> SkillTable:
    """Compare the forecast with each baseline, on the rows that have forecast and outcome.

    Parameters
    ----------
    evaluation : pandas.DataFrame
        Columns of an evaluation file.

    Raises
    ------
    ContractError
        If no row has both.

    Examples
    --------
    >>> from volcast.evaluation.rows import EVALUATION_COLUMNS
    >>> import pandas as pd
    >>> rows = pd.DataFrame({name: np.full(100, 0.2) for name in EVALUATION_COLUMNS})
    >>> rows = rows.assign(session=date(2020, 1, 2), symbol="SPY", forecast=0.21, har_rv=0.24)
    >>> rows["rv_5d"] = np.linspace(0.15, 0.25, 100)
    >>> line = compare(rows).line("har_rv")
    >>> line.gain > 0.3, line.p_better < 0.001
    (True, True)
    """
    rows = scored(evaluation)
    if rows.empty:
        raise ContractError(
            found="no row with a forecast and an outcome", expected="at least one",
            where="evaluation", remedy="Evaluate a longer span, or a later start.",
        )  # fmt: skip
    columns, ours = _columns(rows), losses(rows, "forecast")
    return SkillTable(
        lines=tuple(_line(name, column, rows, ours) for name, column in columns.items()),
        rows=len(rows),
        first=rows["session"].iloc[0],
        last=rows["session"].iloc[-1],
        rows_hash=rows_hash(rows),
        left_out=tuple(name for name in EVALUATION_BASELINES if name not in columns),
        coverage80=_coverage(rows, "80"),
        coverage95=_coverage(rows, "95"),
    )


def losses(rows: "pd.DataFrame", column: str) -> Floats:
    """Return the QLIKE of the volatilities in ``column``, f8[n]."""
    variance = rows["rv_5d"].to_numpy(dtype=float) ** 2
    return qlike_losses(variance, rows[column].to_numpy(dtype=float) ** 2)


def diagnostics(rows: "pd.DataFrame") -> dict[str, dict[str, float]]:
    """Return each line's Mincer-Zarnowitz regression and its p-value in the confidence set.

    ``rows`` are scored; the lines are volcast and the baselines present on all.
    """
    import pandas as pd

    columns, rv = _columns(rows), rows["rv_5d"].to_numpy(dtype=float)
    best = confidence_set(pd.DataFrame({n: losses(rows, c) for n, c in columns.items()}))
    return {
        line: mincer_zarnowitz(rv, rows[column].to_numpy(dtype=float))
        | {"confidence_set_p": best[line]}
        for line, column in columns.items()
    }


def shown_p(p: float) -> str:
    """Return a p-value as a reader is shown it: two digits that count, never 0."""
    if p < 0.0001:
        return "< .0001"
    digits = 2 if p >= 0.1 else 3 if p >= 0.01 else 4
    return f"{p:.{digits}f}".removeprefix("0")


def _columns(rows: "pd.DataFrame") -> dict[str, str]:
    """Return the column of each line: volcast, and the baselines that have a value on every row."""
    present = (name for name in EVALUATION_BASELINES if rows[name].notna().all())
    return {"volcast": "forecast"} | {name: name for name in present}


def _line(name: str, column: str, rows: "pd.DataFrame", ours: Floats) -> Skill:
    rv, forecast = rows["rv_5d"].to_numpy(dtype=float), rows[column].to_numpy(dtype=float)
    own = losses(rows, column)
    return Skill(
        name=name,
        qlike=float(own.mean()),
        rmse=rmse_points(rv, forecast),
        gain=gain(ours, own),
        p_better=diebold_mariano(ours, own),
        r2_log=log_r2(rv, forecast),
    )


def _coverage(rows: "pd.DataFrame", share: str) -> float:
    ready = rows[rows[f"lo{share}"].notna()]
    inside = ready["rv_5d"].between(ready[f"lo{share}"], ready[f"hi{share}"])
    return float(inside.mean()) if len(ready) else nan


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that JSON has: null for a missing number, text for a date."""
    finite = {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in values.items()}
    return {k: str(v) if isinstance(v, date) else v for k, v in finite.items()}


def _numbers(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: nan if value is None else value for name, value in stored.items()}
