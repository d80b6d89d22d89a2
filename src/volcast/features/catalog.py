"""Every feature as data: name, label, formula, source columns, window and unit.

Notation: ``r`` log return of adjusted close; ``g`` range variance, overnight^2 + Garman-Klass,
annualised by 252; ``iv`` = log((VIX/100)^2); ``mean_n`` and ``sd_n`` over the last n sessions, the
session itself included. A feature of session t uses rows up to the close of t only.
"""

from dataclasses import dataclass
from typing import Literal

from volcast.core.names import STATES
from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = [
    "CONTEXT",
    "FEATURES",
    "FEATURES_DAILY",
    "REGIME_MODELS",
    "STATE_FEATURES",
    "Feature",
    "Group",
    "label",
    "market_names",
    "names",
]

Group = Literal["iv", "range", "common", "classical", "cross", "macro", "regime"]
"""iv: scale-free against implied variance; range: the same against long-run range variance;
common: scale-free without either; classical: levels users expect; cross: other symbols;
macro: the economy as published by then; regime: filtered probabilities of market states."""

CONTEXT: tuple[Group, ...] = ("macro", "regime")
"""Groups joined to a session as of its close, not recomputed for a later version."""

REGIME_MODELS = {"gmm": "Gaussian mixture", "hmm": "hidden Markov model"}
"""Models of the market's state, by the prefix of their features."""


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


_OHLC = ("open", "high", "low", "close", "adjustment")
_CLOSE = ("close", "adjustment")
_LOG = "log ratio of variances"
_VOL = "annualised, decimal"

FEATURES: tuple[Feature, ...] = (
    Feature(
        "iv", "iv", "implied volatility", "log((VIX/100)^2)", 1, "log annualised variance",
        ("iv.close",),
    ),
    Feature(
        "g1_less_iv", "iv", "today's range against implied volatility", "log g - iv", 1, _LOG,
        (*_OHLC, "iv.close"),
    ),
    Feature(
        "g5_less_iv", "iv", "the week's range against implied volatility", "log mean_5 g - iv", 5,
        _LOG, (*_OHLC, "iv.close"),
    ),
    Feature(
        "g22_less_iv", "iv", "the month's range against implied volatility", "log mean_22 g - iv",
        22, _LOG, (*_OHLC, "iv.close"),
    ),
    Feature(
        "g66_less_iv", "iv", "the quarter's range against implied volatility",
        "log mean_66 g - iv", 66, _LOG, (*_OHLC, "iv.close"),
    ),
    Feature(
        "r5_less_iv", "iv", "the week's returns against implied volatility",
        "log(252 mean_5 r^2) - iv", 5, _LOG, (*_CLOSE, "iv.close"),
    ),
    Feature(
        "iv_change_1", "iv", "today's change of implied volatility", "iv_t - iv_t-1", 2, _LOG,
        ("iv.close",),
    ),
    Feature(
        "iv_change_5", "iv", "the week's change of implied volatility", "iv_t - iv_t-5", 6, _LOG,
        ("iv.close",),
    ),
    Feature(
        "iv_less_mean22", "iv", "implied volatility against its month", "iv - mean_22 iv", 22,
        _LOG, ("iv.close",),
    ),
    Feature(
        "iv_less_min252", "iv", "implied volatility above its year's low", "iv - min_252 iv", 252,
        _LOG, ("iv.close",),
    ),
    Feature(
        "g252", "range", "the year's range", "log mean_252 g", 252, "log annualised variance",
        _OHLC,
    ),
    Feature(
        "g1_less_g252", "range", "today's range against the year's", "log g - g252", 252, _LOG,
        _OHLC,
    ),
    Feature(
        "g5_less_g252", "range", "the week's range against the year's", "log mean_5 g - g252", 252,
        _LOG, _OHLC,
    ),
    Feature(
        "g22_less_g252", "range", "the month's range against the year's", "log mean_22 g - g252",
        252, _LOG, _OHLC,
    ),
    Feature(
        "g66_less_g252", "range", "the quarter's range against the year's", "log mean_66 g - g252",
        252, _LOG, _OHLC,
    ),
    Feature(
        "r5_less_g252", "range", "the week's returns against the year's range",
        "log(252 mean_5 r^2) - g252", 252, _LOG, _OHLC,
    ),
    Feature(
        "ret_1_scaled", "common", "today's return, scaled", "r / sd_22 r", 22,
        "standard deviations", _CLOSE,
    ),
    Feature(
        "ret_5_scaled", "common", "the week's return, scaled", "sum_5 r / (sd_22 r sqrt 5)", 22,
        "standard deviations", _CLOSE,
    ),
    Feature(
        "ret_22_scaled", "common", "the month's return, scaled", "sum_22 r / (sd_22 r sqrt 22)",
        22, "standard deviations", _CLOSE,
    ),
    Feature(
        "drawdown_66", "common", "the fall from the quarter's high", "log(price / max_66 price)",
        66, "log ratio of prices", _CLOSE,
    ),
    Feature(
        "max_move_22", "common", "the month's largest move", "log(max_22 |r| / sd_22 r)", 22,
        "log ratio", _CLOSE,
    ),
    Feature(
        "g_sd_22", "common", "how the range varied in the month", "sd_22 log g", 22,
        "log variance", _OHLC,
    ),
    Feature("ret_1", "classical", "today's return", "r", 1, "log return", _CLOSE),
    Feature("ret_5", "classical", "the week's return", "sum_5 r", 5, "log return", _CLOSE),
    Feature("ret_22", "classical", "the month's return", "sum_22 r", 22, "log return", _CLOSE),
    Feature("rv_1", "classical", "today's realized volatility", "sqrt(252 r^2)", 1, _VOL, _CLOSE),
    Feature(
        "rv_5", "classical", "the week's realized volatility", "sqrt(252 mean_5 r^2)", 5, _VOL,
        _CLOSE,
    ),
    Feature(
        "rv_10", "classical", "two weeks' realized volatility", "sqrt(252 mean_10 r^2)", 10, _VOL,
        _CLOSE,
    ),
    Feature(
        "rv_22", "classical", "the month's realized volatility", "sqrt(252 mean_22 r^2)", 22, _VOL,
        _CLOSE,
    ),
    Feature(
        "ewma94", "classical", "realized volatility by EWMA",
        "sqrt(252 s), s_t = .94 s_t-1 + .06 r_t^2", 252, _VOL, _CLOSE,
    ),
    Feature(
        "drawdown_252", "classical", "the fall from the year's high", "log(price / max_252 price)",
        252, "log ratio of prices", _CLOSE,
    ),
    Feature("vix", "classical", "VIX", "VIX / 100", 1, _VOL, ("iv.close",)),
    Feature(
        "vix_change_1", "classical", "today's change of VIX", "vix_t - vix_t-1", 2, _VOL,
        ("iv.close",),
    ),
    Feature(
        "vix_change_5", "classical", "the week's change of VIX", "vix_t - vix_t-5", 6, _VOL,
        ("iv.close",),
    ),
    Feature(
        "vix3m_slope", "cross", "three-month against one-month VIX", "log(VIX3M / VIX)", 1,
        "log ratio", ("iv.close", "iv_3m.close"),
    ),
    Feature(
        "bond_ret_1", "cross", "the bond's return today", "r of the bond", 1, "log return",
        ("bond.close",),
    ),
    Feature(
        "bond_ret_5", "cross", "the bond's return in the week", "sum_5 r of the bond", 5,
        "log return", ("bond.close",),
    ),
    Feature(
        "bond_ret_22", "cross", "the bond's return in the month", "sum_22 r of the bond", 22,
        "log return", ("bond.close",),
    ),
    Feature(
        "bond_rv_22", "cross", "the bond's realized volatility", "rv_22 of the bond", 22, _VOL,
        ("bond.close",),
    ),
    Feature(
        "bond_corr_66", "cross", "how stocks move with the bond", "corr_66(r, r of the bond)", 66,
        "correlation", ("bond.close", *_CLOSE),
    ),
    Feature(
        "credit_ret_1", "cross", "credit's return today", "r of the credit", 1, "log return",
        ("credit.close",),
    ),
    Feature(
        "credit_ret_5", "cross", "credit's return in the week", "sum_5 r of the credit", 5,
        "log return", ("credit.close",),
    ),
    Feature(
        "credit_ret_22", "cross", "credit's return in the month", "sum_22 r of the credit", 22,
        "log return", ("credit.close",),
    ),
    Feature(
        "credit_rv_22", "cross", "credit's realized volatility", "rv_22 of the credit", 22, _VOL,
        ("credit.close",),
    ),
    Feature(
        "credit_corr_66", "cross", "how stocks move with credit", "corr_66(r, r of the credit)",
        66, "correlation", ("credit.close", *_CLOSE),
    ),
    Feature("rate_3m", "macro", "three-month Treasury yield", "DGS3MO", 1, "percent", ("DGS3MO",)),
    Feature("rate_10y", "macro", "ten-year Treasury yield", "DGS10", 1, "percent", ("DGS10",)),
    Feature("policy_rate", "macro", "federal funds rate", "DFF", 1, "percent", ("DFF",)),
    Feature(
        "term_spread", "macro", "ten-year less two-year Treasury yield", "DGS10 - DGS2", 1,
        "percentage points", ("DGS10", "DGS2"),
    ),
    Feature(
        "term_spread_change_22", "macro", "the month's change of the term spread",
        "term_spread less that of 22 sessions before", 23, "percentage points", ("DGS10", "DGS2"),
    ),
    Feature(
        "credit_spread", "macro", "Baa corporate less Treasury yield", "BAA10Y", 1,
        "percentage points", ("BAA10Y",),
    ),
    Feature(
        "credit_spread_change_22", "macro", "the month's change of the credit spread",
        "credit_spread less that of 22 sessions before", 23, "percentage points", ("BAA10Y",),
    ),
    Feature(
        "high_yield_spread", "macro", "high-yield bond spread", "BAMLH0A0HYM2", 1,
        "percentage points", ("BAMLH0A0HYM2",),
    ),
    Feature("unemployment", "macro", "unemployment rate", "UNRATE", 1, "percent", ("UNRATE",)),
    Feature(
        "unemployment_change_12m", "macro", "the year's change of unemployment",
        "UNRATE less that of 12 months before", 1, "percentage points", ("UNRATE",),
    ),
    Feature(
        "claims_growth", "macro", "jobless claims against their year",
        "log(mean of 4 weeks / mean of 52 weeks) of ICSA", 1, "log ratio", ("ICSA",),
    ),
    Feature(
        "inflation_12m", "macro", "consumer price inflation over the year",
        "CPI / CPI of 12 months before - 1", 1, "ratio", ("CPI_vintages", "CPIAUCSL"),
    ),
    Feature(
        "industrial_growth_12m", "macro", "growth of industrial production over the year",
        "log(INDPRO / INDPRO of 12 months before)", 1, "log ratio", ("INDPRO",),
    ),
    Feature(
        "financial_conditions", "macro", "financial conditions (NFCI)", "NFCI, first prints", 1,
        "standard deviations", ("NFCI",),
    ),
    Feature(
        "ism", "macro", "ISM manufacturing PMI", "ISM manufacturing PMI, first prints", 1,
        "points", ("ISM_PMI_first_print",),
    ),
    *(
        Feature(
            f"{kind}_{state}", "regime", f"probability of {market}, by {model}",
            f"filtered probability of {state}, {model}", 1,
            "probability", ("close", "high", "low", "open", "iv.close"),
        )
        for kind, model in REGIME_MODELS.items()
        for state, market in STATES.items()
    ),
)  # fmt: skip

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
