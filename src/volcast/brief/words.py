"""Rows of the system's own tables, one sentence each."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from volcast.core.names import LABELS
from volcast.evaluation.table import shown_p
from volcast.features.catalog import label
from volcast.monitoring import status
from volcast.monitoring.status.words import percent

__all__ = [
    "BASELINES", "baselines", "day", "drift", "drivers", "part_with", "performance", "realized",
    "regime", "skill",
]  # fmt: skip

Row = Mapping[str, Any]

BASELINES = ("har_rv", "log_har", "har_x", "vix")
"""Baselines that the brief names."""

_DRIVERS = 3

_PROVEN = 0.05
"""One-sided p-value under which one forecast is called better than another."""

_RECORD = {
    "better": "is better than it was",
    "worse": "is worse than it was",
    "same": "is as it was",
    "too-few": "cannot be judged yet",
}
"""States of monitoring.performance."""


def baselines(row: Row) -> str:
    """Return what the baselines forecast; empty where there is none."""
    values = {LABELS[name]: row[f"baseline_{name}"] for name in ("har_rv", "har_x", "vix")}
    shown = [f"{name} {percent(value)}" for name, value in values.items() if value is not None]
    return f"Baselines: {', '.join(shown)}." if shown else ""


def drivers(row: Row) -> str:
    """Return what moved the forecast most, and by how much."""
    base, *parts, _others, _total = status.drivers(row)
    start = f"An average day would have {percent(base.effect + 1)}"
    shown = [f"{part.words} ({100 * part.effect:+.0f} %)" for part in parts[:_DRIVERS]]
    return f"{start}; what drives the forecast from there: {', '.join(shown)}."


def regime(symbol: str, state: str, probability: float, sessions: "pd.Series[Any]") -> str:
    """Return which regime the market is in, and since when."""
    lasted = f"for {len(sessions)} sessions, " if len(sessions) > 1 else ""
    since = f"{lasted}since {day(sessions.iloc[0])}"
    return f"The market of {symbol} is {state} with probability {probability:.2f}, {since}."


def performance(row: Row) -> str:
    """Return how the latest forecasts did against those before."""
    score = ""
    if row["recent_qlike"] is not None:
        values = {"HAR-RV": row["recent_qlike_har"], "VIX": row["recent_qlike_vix"]}
        shown = [f"{value:.3f} of {name}" for name, value in values.items() if value is not None]
        compared = f", compared with {' and '.join(shown)}" if shown else ""
        score = (
            f" The latest {row['recent_n']} scored forecasts have a QLIKE of "
            f"{row['recent_qlike']:.3f}{compared}."
        )
    return f"The track record {_RECORD.get(row['state'], row['state'])}: {row['detail']}.{score}"


def part_with(card: status.ModelCard, line: str) -> str | None:
    """Return the part of the champion's metrics that holds it and a baseline on the same rows.

    The whole walk, or else the rows that every baseline has; None where there is neither.
    """
    for part, table in card.metrics.tables.items():
        in_part = part in {"all", "all_baselines"}
        if in_part and {line, "volcast"} <= {one.name for one in table.lines}:
            return part
    return None


def skill(card: status.ModelCard, line: str, part: str) -> str:
    """Return what the champion saved of a baseline's loss, walking forward, in the part given."""
    table = card.metrics.tables[part]
    other, own = table.line(line), table.line("volcast")
    gain = 100 * other.gain
    verb = "beats" if gain > 0 and other.p_better < _PROVEN else "does not provably beat"
    share = f"{abs(gain):.1f} % {'less' if gain >= 0 else 'more'} QLIKE"
    return (
        f"Walking forward over {table.rows} sessions, {table.first} to {table.last}, "
        f"volcast version {card.champion.version} {verb} {LABELS[line]}, with {share} "
        f"({own.qlike:.3f} compared with {other.qlike:.3f}, one-sided p {shown_p(other.p_better)})."
    )


def drift(row: Row, fired: Sequence[str]) -> str:
    """Return the drift verdict and its reason."""
    named = [label(name) for name in fired]
    tests = f"; tests fired alone for {', '.join(named)}" if named else ""
    return f"Drift at {day(row['session'])}: {row['state']} ({row['detail']}){tests}."


def realized(row: Row) -> str:
    """Return what came of a forecast."""
    inside = "inside" if row["inside_80"] else "outside"
    return (
        f"What came after {day(row['session'])} was a realized volatility of "
        f"{percent(row['rv_5d'])}, where version {row['model_version']} had forecast "
        f"{percent(row['rv_5d_hat'])}: an error of {row['error_points']:+.1f} points, {inside} the "
        f"80 % interval, QLIKE {row['qlike']:.3f}."
    )


def day(day: date) -> str:
    """Return a day as ``31 December 2021``."""
    return f"{day.day} {day:%B %Y}"
