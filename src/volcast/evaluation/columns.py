"""What an evaluation file holds; volatilities annualised, in decimals."""

from volcast.models.intervals import BOUNDS
from volcast.store.tables import BASELINES

__all__ = ["EVALUATION_BASELINES", "EVALUATION_COLUMNS", "GARCH_BASELINES"]

GARCH_BASELINES = ("garch", "gjr_garch")
"""Baselines of the evaluation alone: their state is the whole history, not a row of features."""

EVALUATION_BASELINES = (*BASELINES, *GARCH_BASELINES)

EVALUATION_COLUMNS = (
    "session", "symbol", "rv_5d", "forecast", *BOUNDS, *EVALUATION_BASELINES,
)  # fmt: skip
"""In order; new ones are added at the end."""
