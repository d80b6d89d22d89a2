"""The table of skill on parts of the rows: periods, years, crises, labels, every fifth session."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.names import EVALUATION_BASELINES
from volcast.evaluation.rows import in_periods, scored
from volcast.evaluation.table import SkillTable, compare

__all__ = [
    "CRISES",
    "TERCILES",
    "by_crisis",
    "by_label",
    "by_period",
    "by_year",
    "on_common_rows",
    "overall",
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
"""Windows shown where they have rows: sessions at whose close the forecast was made."""

TERCILES = ("low VIX", "middle VIX", "high VIX")
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def by_period(rows: pd.DataFrame) -> dict[str, SkillTable]:
    """Compare on the rows of each of `PERIODS` that has a scored one."""
    parts = in_periods(scored(rows))
    return {name: compare(part) for name, part in parts.items() if name != "all"}


def on_common_rows(rows: pd.DataFrame) -> SkillTable | None:
    """Compare on the rows that every baseline has; None if those are all rows, or none.

    A baseline that has no value at all, as VIX where there is none, does not count.
    """
    rows = scored(rows)
    names = [name for name in EVALUATION_BASELINES if rows[name].notna().any()]
    common = rows[rows[names].notna().all(axis=1)]
    return compare(common) if 0 < len(common) < len(rows) else None


def overall(rows: pd.DataFrame) -> dict[str, SkillTable]:
    """Compare on "all" rows and, where those are fewer, on the rows that "all_baselines" have.

    `volcast.evaluation.words.leading` is the one that readers see first. ContractError if no row is
    scored.
    """
    common = on_common_rows(rows)
    return {"all": compare(rows)} | ({} if common is None else {"all_baselines": common})


def by_label(
    rows: pd.DataFrame, labels: "pd.Series[str]", order: Sequence[str]
) -> dict[str, SkillTable]:
    """Compare on the rows of each label, in this order; one without a scored row is left out.

    ``labels`` are one a row, on the same index; null belongs nowhere.
    """
    return _compared({name: rows[(labels == name).to_numpy()] for name in order})


def by_year(rows: pd.DataFrame) -> dict[str, SkillTable]:
    """Compare on the sessions of each year."""
    years = rows["session"].astype(str).str[:4]
    return by_label(rows, years, sorted(set(years)))


def by_crisis(rows: pd.DataFrame) -> dict[str, SkillTable]:
    """Compare on each window of `CRISES`."""
    return _compared({name: rows[rows["session"].between(*span)] for name, span in CRISES.items()})


def phases(rows: pd.DataFrame) -> dict[str, SkillTable]:
    """Compare on every fifth row, from each of the five starts; their outcomes do not overlap."""
    return _compared(
        {ordinal: rows.iloc[start :: calendar.HORIZON] for start, ordinal in enumerate(_ORDINALS)}
    )


def vix_tercile(rows: pd.DataFrame) -> "pd.Series[str]":
    """Label each row by the tercile of VIX among these rows; null where VIX is.

    The bounds look at all rows at once: this describes what was, and forecasts nothing.
    """
    vix = rows["vix"].astype(float)
    present = vix.notna()
    bounds = np.quantile(vix[present], [1 / 3, 2 / 3]) if present.any() else [np.nan, np.nan]
    which = np.searchsorted(bounds, vix, side="right").clip(0, 2)
    return pd.Series([TERCILES[i] for i in which], index=rows.index).where(present)


def _compared(parts: Mapping[str, pd.DataFrame]) -> dict[str, SkillTable]:
    return {name: compare(part) for name, part in parts.items() if len(scored(part))}
