"""Every feature as data: name, label, formula, window, unit and sources, from catalog.csv.

Notation: ``r`` log return of adjusted close; ``g`` range variance, overnight^2 + Garman-Klass,
annualised by 252, and limited where a price reverts (`volcast.features.market.range_variance`);
``iv`` = log((VIX/100)^2); ``mean_n`` and ``sd_n`` over the last n sessions, the session itself
included. A feature of session t uses rows up to the close of t only.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from volcast.core.names import STATES
from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = [
    "CONTEXT", "FEATURES", "FEATURES_DAILY", "REGIME_MODELS", "STATE_FEATURES", "VARIANCE_FLOOR",
    "Feature", "Group", "label", "market_names", "names",
]  # fmt: skip

Group = Literal["iv", "range", "common", "classical", "cross", "macro", "event", "regime"]
"""iv: scale-free against implied variance; range: the same against long-run range variance;
common: scale-free without either; classical: levels users expect; cross: other symbols;
macro: the economy as published by then; event: fitted yearly, from what is known in advance;
regime: filtered probabilities of market states."""

CONTEXT: tuple[Group, ...] = ("macro", "event", "regime")
"""Groups joined to a session as of its close, not recomputed for a later version."""

REGIME_MODELS = {"gmm": "Gaussian mixture", "hmm": "hidden Markov model"}
"""Models of the market's state, by the prefix of their features."""

VARIANCE_FLOOR = 1e-5
"""Annualised variance (a volatility of 0.3 %) below which a log is taken at the floor: a session
whose four prices are equal has no range, and no logarithm."""


@dataclass(frozen=True)
class Feature:
    """One feature's definition."""

    name: str
    group: Group
    label: str
    formula: str
    window: int
    unit: str
    sources: tuple[str, ...]


def _listed() -> list[Feature]:
    with Path(__file__).with_name("catalog.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Feature(
            row["name"], cast(Group, row["group"]), row["label"], row["formula"],
            int(row["window"]), row["unit"], tuple(row["sources"].split()),
        )
        for row in rows
    ]  # fmt: skip


def _regimes() -> list[Feature]:
    sources = ("close", "high", "low", "open", "iv.close")
    return [
        Feature(
            f"{kind}_{state}", "regime", f"probability of {market}, by {model}",
            f"filtered probability of {state}, {model}", 1, "probability", sources,
        )
        for kind, model in REGIME_MODELS.items()
        for state, market in STATES.items()
    ]  # fmt: skip


FEATURES: tuple[Feature, ...] = (*_listed(), *_regimes())

STATE_FEATURES = {f"hmm_{state}": state for state in STATES}
"""The regime by the feature that holds its probability, which forecasts and pages report."""

_LABELS = {feature.name: feature.label for feature in FEATURES} | {
    "rv_5d": "the outcomes",
    "rv_5d_hat": "the forecasts",
}


def label(name: str) -> str:
    """Return the English label of a feature, the target or the forecast; else the name itself."""
    return _LABELS.get(name, name)


def names(*groups: Group) -> list[str]:
    """Return the names of the features of these groups, or of all, in definition order."""
    return [f.name for f in FEATURES if not groups or f.group in groups]


def market_names() -> list[str]:
    """Return the names of the features that are computed from curated rows."""
    return [f.name for f in FEATURES if f.group not in CONTEXT]


FEATURES_DAILY = Table(
    name="features_daily",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label"),
        Column("event_timestamp", STAMP, "UTC", "close of the session"),
        Column(
            "created_timestamp", STAMP, "UTC", "session close; if restated, when it became known"
        ),
        Column("iv_symbol", TEXT, "", "implied-volatility symbol used", nullable=True),
        *(Column(f.name, FLOAT, f.unit, f.formula, nullable=True) for f in FEATURES),
    ),
    key=("symbol", "session", "created_timestamp"),
)
"""One row a symbol, session and version of its inputs."""
