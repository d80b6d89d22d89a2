"""What the store has today, as the dashboard shows it and the brief cites it.

Each fact is read from contract tables and the registry as of one session; where something is not
there yet, a `Missing` names it, and what brings it.
"""

from volcast.inference.selection import forecast_symbols
from volcast.monitoring.status.forecast import (
    Driver,
    Outlook,
    drivers,
    forecasts_before,
    outlook,
    percentile,
)
from volcast.monitoring.status.health import Health, Newest, health
from volcast.monitoring.status.registry import ModelCard, first_step, model_card
from volcast.monitoring.status.track import Versus, against, by_month, coverage, ribbon, track
from volcast.monitoring.status.words import Missing

__all__ = [
    "Driver",
    "Health",
    "Missing",
    "ModelCard",
    "Newest",
    "Outlook",
    "Versus",
    "against",
    "by_month",
    "coverage",
    "drivers",
    "first_step",
    "forecast_symbols",
    "forecasts_before",
    "health",
    "model_card",
    "outlook",
    "percentile",
    "ribbon",
    "track",
]
