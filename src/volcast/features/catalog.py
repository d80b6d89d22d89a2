"""Every feature as data: name, formula, source columns, window and unit.

Notation: ``r`` log return of adjusted close; ``g`` range variance, overnight^2 + Garman-Klass,
annualised by 252; ``iv`` = log((VIX/100)^2); ``mean_n`` and ``sd_n`` over the last n sessions, the
session itself included. A feature of session t rests on rows up to the close of t only.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CONTEXT", "FEATURES", "Feature", "Group", "market_names", "names"]

Group = Literal["iv", "range", "common", "classical", "cross", "macro", "regime"]
"""iv: scale-free against implied variance; range: the same against long-run range variance;
common: scale-free without either; classical: levels users expect; cross: other symbols;
macro: the economy as published by then; regime: filtered probabilities of market states."""

CONTEXT: tuple[Group, ...] = ("macro", "regime")
"""Groups that are joined to a session as they were known then, and never computed anew."""


@dataclass(frozen=True)
class Feature:
    """One feature's definition."""

    name: str
    group: Group
    formula: str
    window: int
    unit: str
    sources: tuple[str, ...]


_OHLC = ("open", "high", "low", "close", "adjustment")
_CLOSE = ("close", "adjustment")
_LOG = "log ratio of variances"
_VOL = "annualised, decimal"

FEATURES: tuple[Feature, ...] = (
    Feature("iv", "iv", "log((VIX/100)^2)", 1, "log annualised variance", ("iv.close",)),
    Feature("g1_less_iv", "iv", "log g - iv", 1, _LOG, (*_OHLC, "iv.close")),
    Feature("g5_less_iv", "iv", "log mean_5 g - iv", 5, _LOG, (*_OHLC, "iv.close")),
    Feature("g22_less_iv", "iv", "log mean_22 g - iv", 22, _LOG, (*_OHLC, "iv.close")),
    Feature("g66_less_iv", "iv", "log mean_66 g - iv", 66, _LOG, (*_OHLC, "iv.close")),
    Feature("r5_less_iv", "iv", "log(252 mean_5 r^2) - iv", 5, _LOG, (*_CLOSE, "iv.close")),
    Feature("iv_change_1", "iv", "iv_t - iv_t-1", 2, _LOG, ("iv.close",)),
    Feature("iv_change_5", "iv", "iv_t - iv_t-5", 6, _LOG, ("iv.close",)),
    Feature("iv_less_mean22", "iv", "iv - mean_22 iv", 22, _LOG, ("iv.close",)),
    Feature("iv_less_min252", "iv", "iv - min_252 iv", 252, _LOG, ("iv.close",)),
    Feature("g252", "range", "log mean_252 g", 252, "log annualised variance", _OHLC),
    Feature("g1_less_g252", "range", "log g - g252", 252, _LOG, _OHLC),
    Feature("g5_less_g252", "range", "log mean_5 g - g252", 252, _LOG, _OHLC),
    Feature("g22_less_g252", "range", "log mean_22 g - g252", 252, _LOG, _OHLC),
    Feature("g66_less_g252", "range", "log mean_66 g - g252", 252, _LOG, _OHLC),
    Feature("r5_less_g252", "range", "log(252 mean_5 r^2) - g252", 252, _LOG, _OHLC),
    Feature("ret_1_scaled", "common", "r / sd_22 r", 22, "standard deviations", _CLOSE),
    Feature(
        "ret_5_scaled", "common", "sum_5 r / (sd_22 r sqrt 5)", 22, "standard deviations", _CLOSE
    ),
    Feature(
        "ret_22_scaled", "common", "sum_22 r / (sd_22 r sqrt 22)", 22, "standard deviations", _CLOSE
    ),
    Feature(
        "drawdown_66", "common", "log(price / max_66 price)", 66, "log ratio of prices", _CLOSE
    ),
    Feature("max_move_22", "common", "log(max_22 |r| / sd_22 r)", 22, "log ratio", _CLOSE),
    Feature("g_sd_22", "common", "sd_22 log g", 22, "log variance", _OHLC),
    Feature("ret_1", "classical", "r", 1, "log return", _CLOSE),
    Feature("ret_5", "classical", "sum_5 r", 5, "log return", _CLOSE),
    Feature("ret_22", "classical", "sum_22 r", 22, "log return", _CLOSE),
    Feature("rv_1", "classical", "sqrt(252 r^2)", 1, _VOL, _CLOSE),
    Feature("rv_5", "classical", "sqrt(252 mean_5 r^2)", 5, _VOL, _CLOSE),
    Feature("rv_10", "classical", "sqrt(252 mean_10 r^2)", 10, _VOL, _CLOSE),
    Feature("rv_22", "classical", "sqrt(252 mean_22 r^2)", 22, _VOL, _CLOSE),
    Feature("ewma94", "classical", "sqrt(252 s), s_t = .94 s_t-1 + .06 r_t^2", 252, _VOL, _CLOSE),
    Feature(
        "drawdown_252",
        "classical",
        "log(price / max_252 price)",
        252,
        "log ratio of prices",
        _CLOSE,
    ),
    Feature("vix", "classical", "VIX / 100", 1, _VOL, ("iv.close",)),
    Feature("vix_change_1", "classical", "vix_t - vix_t-1", 2, _VOL, ("iv.close",)),
    Feature("vix_change_5", "classical", "vix_t - vix_t-5", 6, _VOL, ("iv.close",)),
    Feature(
        "vix3m_slope", "cross", "log(VIX3M / VIX)", 1, "log ratio", ("iv.close", "iv_3m.close")
    ),
    Feature("bond_ret_1", "cross", "r of the bond", 1, "log return", ("bond.close",)),
    Feature("bond_ret_5", "cross", "sum_5 r of the bond", 5, "log return", ("bond.close",)),
    Feature("bond_ret_22", "cross", "sum_22 r of the bond", 22, "log return", ("bond.close",)),
    Feature("bond_rv_22", "cross", "rv_22 of the bond", 22, _VOL, ("bond.close",)),
    Feature(
        "bond_corr_66",
        "cross",
        "corr_66(r, r of the bond)",
        66,
        "correlation",
        ("bond.close", *_CLOSE),
    ),
    Feature("credit_ret_1", "cross", "r of the credit", 1, "log return", ("credit.close",)),
    Feature("credit_ret_5", "cross", "sum_5 r of the credit", 5, "log return", ("credit.close",)),
    Feature(
        "credit_ret_22", "cross", "sum_22 r of the credit", 22, "log return", ("credit.close",)
    ),
    Feature("credit_rv_22", "cross", "rv_22 of the credit", 22, _VOL, ("credit.close",)),
    Feature(
        "credit_corr_66",
        "cross",
        "corr_66(r, r of the credit)",
        66,
        "correlation",
        ("credit.close", *_CLOSE),
    ),
    Feature("rate_3m", "macro", "DGS3MO", 1, "percent", ("DGS3MO",)),
    Feature("rate_10y", "macro", "DGS10", 1, "percent", ("DGS10",)),
    Feature("policy_rate", "macro", "DFF", 1, "percent", ("DFF",)),
    Feature("term_spread", "macro", "DGS10 - DGS2", 1, "percentage points", ("DGS10", "DGS2")),
    Feature(
        "term_spread_change_22", "macro", "term_spread less that of 22 sessions before", 23,
        "percentage points", ("DGS10", "DGS2"),
    ),
    Feature("credit_spread", "macro", "BAA10Y", 1, "percentage points", ("BAA10Y",)),
    Feature(
        "credit_spread_change_22", "macro", "credit_spread less that of 22 sessions before", 23,
        "percentage points", ("BAA10Y",),
    ),
    Feature(
        "high_yield_spread", "macro", "BAMLH0A0HYM2", 1, "percentage points", ("BAMLH0A0HYM2",)
    ),
    Feature("unemployment", "macro", "UNRATE", 1, "percent", ("UNRATE",)),
    Feature(
        "unemployment_change_12m", "macro", "UNRATE less that of 12 months before", 1,
        "percentage points", ("UNRATE",),
    ),
    Feature(
        "claims_growth", "macro", "log(mean of 4 weeks / mean of 52 weeks) of ICSA", 1,
        "log ratio", ("ICSA",),
    ),
    Feature(
        "inflation_12m", "macro", "CPI / CPI of 12 months before - 1", 1, "ratio",
        ("CPI_vintages", "CPIAUCSL"),
    ),
    Feature(
        "industrial_growth_12m", "macro", "log(INDPRO / INDPRO of 12 months before)", 1,
        "log ratio", ("INDPRO",),
    ),
    Feature(
        "financial_conditions", "macro", "NFCI, first prints", 1, "standard deviations", ("NFCI",)
    ),
    Feature(
        "ism", "macro", "ISM manufacturing PMI, first prints", 1, "points",
        ("ISM_PMI_first_print",),
    ),
    *(
        Feature(
            f"{kind}_{state}", "regime", f"filtered probability of {state}, {model}", 1,
            "probability", ("close", "high", "low", "open", "iv.close"),
        )
        for kind, model in (("gmm", "Gaussian mixture"), ("hmm", "hidden Markov model"))
        for state in ("calm", "normal", "stressed")
    ),
)  # fmt: skip


def names(*groups: Group) -> list[str]:
    """Return the names of the features of these groups, or of all, in definition order."""
    return [f.name for f in FEATURES if not groups or f.group in groups]


def market_names() -> list[str]:
    """Return the names of the features that are computed from curated rows."""
    return [f.name for f in FEATURES if f.group not in CONTEXT]
