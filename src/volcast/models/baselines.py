"""The baselines a forecast must beat, on the same rows and the same knowledge."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, nan, sqrt
from operator import mul
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from volcast.features.catalog import VARIANCE_FLOOR
from volcast.models.recipe import BASELINE_INPUTS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Baselines", "fit_baselines"]

Floats = NDArray[np.float64]
Rows: TypeAlias = "pd.DataFrame | Mapping[str, Floats]"

_LEVELS = ("rv_1", "rv_5", "rv_22")
_LOGS = ("g1_less_g252", "g5_less_g252", "g22_less_g252")
_F = Callable[..., Any]


@dataclass(frozen=True)
class Baselines:
    """Fitted coefficients, intercept first; ``har_x`` is None where there is no implied volatility.

    ``har_rv`` is in levels on r^2 over 1, 5 and 22 sessions, and never below ``har_floor``, the
    lowest variance of the training rows; Corsi (2009). ``log_har`` is of log variance on log range
    variance over 1, 5 and 22 sessions, smearing in the intercept; ``har_x`` adds log VIX^2.
    """

    har_rv: tuple[float, ...]
    har_floor: float
    log_har: tuple[float, ...]
    har_x: tuple[float, ...] | None

    def forecast(self, rows: Rows) -> dict[str, Floats]:
        """Forecast volatility, annualised decimals, f8[n] each; NaN where an input is null.

        Parameters
        ----------
        rows : pandas.DataFrame, or mapping of f8[n]
            `BASELINE_INPUTS` by name.
        """
        values = {name: np.asarray(rows[name], dtype=float) for name in BASELINE_INPUTS}
        vix = np.where(values["vix"] > 0, values["vix"], np.nan)
        variances = self._variances(values, vix, np.exp, np.log, np.maximum)
        return {name: np.sqrt(np.maximum(v, VARIANCE_FLOOR)) for name, v in variances.items()}

    def single(self, row: Mapping[str, float]) -> dict[str, float]:
        """Forecast one row as `forecast` does, on plain numbers.

        Raises
        ------
        OverflowError
            If a forecast is beyond the largest number.
        """
        vix = row["vix"] if row["vix"] > 0 else nan
        variances = self._variances(row, vix, exp, log, max)
        return {name: sqrt(max(v, VARIANCE_FLOOR)) for name, v in variances.items()}

    def _variances(
        self, values: Mapping[str, Any], vix: Any, exp: _F, log: _F, largest: _F
    ) -> dict[str, Any]:
        """Return the variance of each baseline, of numbers or of arrays by their own functions."""
        levels = [values[name] ** 2 for name in _LEVELS]
        logs = [values[name] + values["g252"] for name in _LOGS]
        with_vix = [*logs, 2 * log(vix)]
        return {
            "random_walk": levels[1],
            "mean22": levels[2],
            "ewma94": values["ewma94"] ** 2,
            # The value first: a null stays null.
            "har_rv": largest(_line(self.har_rv, levels), self.har_floor),
            "log_har": exp(_line(self.log_har, logs)),
            "har_x": nan * vix if self.har_x is None else exp(_line(self.har_x, with_vix)),
            "vix": vix**2,
        }


def fit_baselines(rows: "pd.DataFrame") -> Baselines:
    """Fit HAR in levels, HAR in logs and HAR-X by least squares.

    Each on every row that has its inputs, whatever the model itself is trained on: a baseline
    that is starved is no baseline. har_x needs 252 rows with implied volatility.

    Parameters
    ----------
    rows : pandas.DataFrame
        `BASELINE_INPUTS` and ``variance``, realized and annualised.

    Examples
    --------
    >>> from volcast.models.recipe import BASELINE_INPUTS
    >>> rng = np.random.default_rng(0)
    >>> import pandas as pd
    >>> rows = pd.DataFrame({name: rng.uniform(0.1, 0.3, 400) for name in BASELINE_INPUTS})
    >>> fitted = fit_baselines(rows.assign(variance=rows["rv_5"] ** 2))
    >>> round(fitted.har_rv[2], 6)
    1.0
    >>> fitted.forecast(rows.head(2))["har_rv"].round(6) == rows["rv_5"].head(2).round(6)
    0    True
    1    True
    Name: rv_5, dtype: bool
    """
    variance = rows["variance"].to_numpy(dtype=float)
    levels = np.column_stack([rows[name].astype(float) ** 2 for name in _LEVELS])
    logs = np.column_stack([(rows[name] + rows["g252"]).astype(float) for name in _LOGS])
    vix = rows["vix"].astype(float)
    with_vix = np.column_stack([logs, 2 * np.log(vix.where(vix > 0))])
    has_levels, has_logs, has_vix = (~np.isnan(x).any(axis=1) for x in (levels, logs, with_vix))
    har_x = _fit_log(with_vix[has_vix], variance[has_vix]) if has_vix.sum() >= 252 else None
    return Baselines(
        har_rv=_least_squares(levels[has_levels], variance[has_levels]),
        har_floor=float(variance[has_levels].min()),
        log_har=_fit_log(logs[has_logs], variance[has_logs]),
        har_x=har_x,
    )


def _line(coefficients: Sequence[float], x: Iterable[Any]) -> Any:
    return coefficients[0] + sum(map(mul, coefficients[1:], x))


def _least_squares(x: Floats, y: Floats) -> tuple[float, ...]:
    design = np.column_stack([np.ones(len(x)), x])
    return tuple(float(b) for b in np.linalg.lstsq(design, y, rcond=None)[0])


def _fit_log(x: Floats, variance: Floats) -> tuple[float, ...]:
    intercept, *slopes = _least_squares(x, np.log(variance))
    residual = np.log(variance) - _line((intercept, *slopes), x.T)
    return (intercept + float(np.log(np.mean(np.exp(residual)))), *slopes)
