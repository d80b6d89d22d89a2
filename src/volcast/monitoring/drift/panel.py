"""The rows that are compared: the champion's training rows and the newest ones."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.features.catalog import market_names
from volcast.monitoring.drift.residuals import Residuals

__all__ = [
    "MIN_REFERENCE",
    "PERSISTENCE",
    "RECENT",
    "WINDOWS",
    "Panel",
    "View",
    "feature_panel",
    "series_panel",
]

Floats = NDArray[np.float64]
View = Literal["level", "given_vix", "noise"]
"""A feature itself, its residual given VIX, or the size of its move given all other features."""

WINDOWS = (20, 60, 250)
"""Sessions: a month, in which a market turns; a quarter; a year."""

PERSISTENCE = 3
"""Sessions in a row that drift must last, so that no single day decides."""

RECENT = max(WINDOWS) + PERSISTENCE
"""Newest rows, compared with the reference; the noise of a row needs the row before it."""

MIN_REFERENCE = 1000
"""Fewest complete training rows from which thresholds are calibrated."""

_SPAN, _COMPLETE = 2520, 0.95
"""A tested feature must have a value in this share of the newest training rows."""


@dataclass(frozen=True)
class Panel:
    """Columns of numbers, of old and of new sessions.

    Parameters
    ----------
    names : tuple of str
    iv : int or None
        The column of log implied variance.
    reference : f8[n, p]
        Complete rows in order of time, all older than ``recent``: thresholds from the tested rows
        would hide what has changed in them after every refit.
    recent : f8[m, p]
        The newest rows, the last of which is tested; NaN where a value is missing.
    """

    names: tuple[str, ...]
    iv: int | None
    reference: Floats
    recent: Floats

    @cached_property
    def residuals(self) -> Residuals:
        """Fitted on the reference."""
        return Residuals.fit(self.reference, self.iv)

    @cached_property
    def reference_views(self) -> dict[View, Floats]:
        """The reference in each view."""
        return self._views(self.reference)

    @cached_property
    def recent_views(self) -> dict[View, Floats]:
        """The newest rows in each view."""
        return self._views(self.recent)

    def _views(self, rows: Floats) -> dict[View, Floats]:
        given_vix, noise = self.residuals.given_vix(rows), self.residuals.noise(rows)
        return {"level": rows, "given_vix": given_vix, "noise": noise}

    def names_in(self, view: View) -> tuple[str, ...]:
        """Return the names of the columns that the view has."""
        if view != "given_vix":
            return self.names
        return tuple(n for n, left in zip(self.names, self.residuals.left, strict=True) if left)


def feature_panel(rows: pd.DataFrame, trained: date) -> Panel:
    """Lay out the market features with enough training values, over complete training rows.

    ``rows`` have session and every feature, one a session up to the one tested, sorted; the
    champion was trained on those up to ``trained``.
    """
    recent, training = rows.tail(RECENT), rows.iloc[:-RECENT]
    training = training[training["session"] <= trained]
    shares = training[market_names()].tail(_SPAN).notna().mean()
    names = tuple(name for name in market_names() if shares[name] >= _COMPLETE)
    return _panel(names, training.dropna(subset=list(names)), recent)


def series_panel(
    name: str, reference: pd.DataFrame, recent: pd.DataFrame, iv: "pd.Series[float]"
) -> Panel:
    """Lay out one series that is no feature, such as the target, together with VIX.

    ``reference`` and ``recent`` have session and the column ``name``, sorted. ``iv`` is log implied
    variance by session; if empty, nothing is conditional on it.
    """
    names = (name,) if iv.empty else (name, "iv")
    newest = recent.tail(RECENT)
    if len(newest):
        reference = reference[reference["session"] < newest["session"].iloc[0]]
    old, new = (
        (rows if iv.empty else rows.assign(iv=rows["session"].map(iv))).dropna(subset=list(names))
        for rows in (reference, newest)
    )
    return _panel(names, old, new)


def _panel(names: tuple[str, ...], reference: pd.DataFrame, recent: pd.DataFrame) -> Panel:
    return Panel(
        names=names,
        iv=names.index("iv") if "iv" in names else None,
        reference=reference[list(names)].to_numpy(dtype=np.float64),
        recent=recent[list(names)].to_numpy(dtype=np.float64),
    )
