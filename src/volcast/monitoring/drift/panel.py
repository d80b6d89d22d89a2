"""The rows that are compared, the champion's training rows and the newest ones, in each view."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.features.catalog import market_names

__all__ = [
    "MIN_REFERENCE",
    "PERSISTENCE",
    "RECENT",
    "TESTED_ALONE",
    "WINDOWS",
    "Panel",
    "Residuals",
    "View",
    "feature_panel",
    "series_panel",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]
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

TESTED_ALONE = ("iv_9d_less_iv",)
"""Features that begin so late that rows complete with them would be a short reference for all."""

_EXPLAINED = 0.999
"""Share of its variance that VIX explains above which a feature is not tested: VIX itself and its
transforms."""

_RIDGE = 0.02
"""Of the regression of each feature on all others, in variances: some features are sums of others,
and without it rounding would be tested."""

_FARTHEST = 20.0
"""Standard deviations at which a value is clipped, so that one wild row does not set the scale."""

_SMALLEST = 1e-3
"""Floor of a noise under a logarithm, as a share of its standard deviation."""


@dataclass(frozen=True)
class Residuals:
    """Regressions fitted on the reference alone, and applied to reference and window."""

    iv: int | None  # column of log implied variance; without it nothing is conditional on VIX
    mean: Floats
    spread: Floats
    on_iv: Floats  # f8[3, p], of each column on 1, iv and iv squared
    left: Flags  # columns that VIX does not explain
    others: Floats  # f8[p, p], from standardized columns to their residuals given the others
    memory: Floats  # first-order autoregression of those residuals
    loudness: Floats  # f8[2, p], log of the noise's size on 1 and the iv of the session before

    @classmethod
    def fit(cls, reference: Floats, iv: int | None) -> "Residuals":
        """Fit on ``reference``, f8[n, p], complete rows in order of time."""
        mean = np.asarray(reference.mean(axis=0), dtype=np.float64)
        spread = np.asarray(reference.std(axis=0), dtype=np.float64)
        on_iv: Floats = np.zeros((3, reference.shape[1]))
        left: Flags = np.zeros(len(mean), dtype=bool)
        if iv is not None:
            powers = _powers(reference[:, iv])
            on_iv = np.asarray(np.linalg.lstsq(powers, reference, rcond=None)[0])
            unexplained = reference - powers @ on_iv
            left = unexplained.var(axis=0) > (1 - _EXPLAINED) * spread**2
        standard = _standard(reference, mean, spread)
        precision = np.linalg.inv(
            standard.T @ standard / len(standard) + _RIDGE * np.eye(len(mean))
        )
        others = precision / np.diag(precision)
        rest = standard @ others
        memory = (rest[:-1] * rest[1:]).sum(axis=0) / (rest[:-1] ** 2).sum(axis=0)
        noise = np.abs(rest[1:] - memory * rest[:-1])
        logs = np.log(noise + _SMALLEST * noise.std(axis=0))
        loudness = np.linalg.lstsq(_lines(reference, iv), logs, rcond=None)[0]
        return cls(iv, mean, spread, on_iv, left, others, memory, loudness)

    def given_vix(self, rows: Floats) -> Floats:
        """Return the residuals given VIX of the columns in ``left``, f8[n, left.sum()]."""
        if self.iv is None:
            return np.empty((len(rows), 0))
        rest: Floats = rows - _powers(rows[:, self.iv]) @ self.on_iv
        return rest[:, self.left]

    def noise(self, rows: Floats) -> Floats:
        """Return the size of each column's unforeseen move, f8[n - 1, p].

        The absolute AR(1) residual of ``others``, relative to its usual size at that level of VIX.
        """
        rest = _standard(rows, self.mean, self.spread) @ self.others
        size = np.exp(_lines(rows, self.iv) @ self.loudness)
        return np.abs(rest[1:] - self.memory * rest[:-1]) / size


def _standard(rows: Floats, mean: Floats, spread: Floats) -> Floats:
    return np.clip((rows - mean) / spread, -_FARTHEST, _FARTHEST)


def _powers(iv: Floats) -> Floats:
    return np.column_stack([np.ones_like(iv), iv, iv**2])


def _lines(rows: Floats, iv: int | None) -> Floats:
    before = np.zeros(len(rows) - 1) if iv is None else rows[:-1, iv]
    return np.column_stack([np.ones_like(before), before])


@dataclass(frozen=True)
class Panel:
    """Columns of numbers, of old and of new sessions; ``iv`` is that of log implied variance.

    ``reference``, f8[n, p], are complete rows in order of time, all older than ``recent``:
    thresholds from the tested rows would hide what has changed in them after every refit.
    ``recent``, f8[m, p], are the newest, the last of which is tested; NaN where a value is missing.
    """

    names: tuple[str, ...]
    iv: int | None
    reference: Floats
    recent: Floats

    @cached_property
    def statistics(self) -> dict[Hashable, tuple[Floats, Counts]]:
        """Statistics and numbers of values of each column, as they are measured."""
        return {}

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
    together = (name for name in market_names() if name not in TESTED_ALONE)
    names = tuple(name for name in together if shares[name] >= _COMPLETE)
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
