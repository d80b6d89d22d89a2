"""The same table on parts of the rows: years, regimes, VIX, crises, every fifth session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.evaluation.losses import gain
from volcast.evaluation.rows import present_baselines
from volcast.evaluation.statistics import diebold_mariano
from volcast.evaluation.table import line_losses

__all__ = [
    "CRISES",
    "TERCILES",
    "Phase",
    "Split",
    "by_crisis",
    "by_label",
    "by_year",
    "phases",
    "vix_tercile",
]

CRISES = {
    "2008-09 to 2009-03, Lehman and after": (date(2008, 9, 1), date(2009, 3, 31)),
    "2010-05, flash crash": (date(2010, 4, 26), date(2010, 6, 10)),
    "2011-08, downgrade of the US": (date(2011, 7, 25), date(2011, 10, 14)),
    "2015-08, China": (date(2015, 8, 10), date(2015, 10, 2)),
    "2018-02, short-volatility funds": (date(2018, 1, 26), date(2018, 3, 2)),
    "2018-12": (date(2018, 12, 3), date(2019, 1, 11)),
    "2020-02 to 2020-04, pandemic": (date(2020, 2, 14), date(2020, 4, 30)),
}
"""Windows that are always shown: sessions at whose close the forecast was made."""

TERCILES = ("low VIX", "middle VIX", "high VIX")


@dataclass(frozen=True)
class Split:
    """A part of the rows, by name; mean QLIKE of volcast and of each baseline on it."""

    name: str
    rows: int
    qlike: dict[str, float]

    def gain(self, baseline: str) -> float:
        """Share of the baseline's QLIKE that volcast saves."""
        return 1 - self.qlike["volcast"] / self.qlike[baseline]


@dataclass(frozen=True)
class Phase:
    """Every fifth session, so that no two outcomes overlap, from one of five starts."""

    start: int
    rows: int
    gain: dict[str, float]
    p_better: dict[str, float]


def by_label(rows: pd.DataFrame, labels: "pd.Series[str]", order: Sequence[str]) -> list[Split]:
    """Split scored rows by a label each; a label without a row is left out.

    Parameters
    ----------
    rows : pandas.DataFrame
        Scored rows of an evaluation.
    labels : pandas.Series
        One a row, on the same index; null belongs nowhere.
    order : sequence of str
        Of the labels.
    """
    parts = ((name, rows[(labels == name).to_numpy()]) for name in order)
    return [_split(name, part, rows) for name, part in parts if len(part)]


def by_year(rows: pd.DataFrame) -> list[Split]:
    """Split scored rows by the year of their session."""
    years = pd.Series([str(session.year) for session in rows["session"]], index=rows.index)
    return by_label(rows, years, sorted(set(years)))


def by_crisis(rows: pd.DataFrame) -> list[Split]:
    """Return the windows of `CRISES` that have a scored row."""
    parts = {name: rows[rows["session"].between(*span)] for name, span in CRISES.items()}
    return [_split(name, part, rows) for name, part in parts.items() if len(part)]


def vix_tercile(rows: pd.DataFrame) -> "pd.Series[str]":
    """Label each row by the tercile of VIX among these rows; null where VIX is.

    The bounds look at all rows at once: this describes what was, and forecasts nothing.
    """
    vix = rows["vix"].astype(float)
    present = vix.notna()
    bounds = np.quantile(vix[present], [1 / 3, 2 / 3]) if present.any() else [np.nan, np.nan]
    which = np.searchsorted(bounds, vix, side="right").clip(0, 2)
    return pd.Series([TERCILES[i] for i in which], index=rows.index).where(present)


def phases(rows: pd.DataFrame) -> list[Phase]:
    """Compare on every fifth row, from each of the five starts; their outcomes do not overlap."""
    result = []
    for start in range(calendar.HORIZON):
        part = rows.iloc[start :: calendar.HORIZON]
        losses = line_losses(part, present_baselines(rows))
        ours = losses["volcast"].to_numpy()
        others = [str(name) for name in losses.columns[1:]]
        result.append(
            Phase(
                start=start,
                rows=len(part),
                gain={name: gain(ours, losses[name].to_numpy()) for name in others},
                p_better={name: diebold_mariano(ours, losses[name].to_numpy()) for name in others},
            )
        )
    return result


def _split(name: str, part: pd.DataFrame, rows: pd.DataFrame) -> Split:
    means = line_losses(part, present_baselines(rows)).mean()
    return Split(name, len(part), {str(line): float(mean) for line, mean in means.items()})
