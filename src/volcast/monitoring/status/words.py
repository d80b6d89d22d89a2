"""Names and numbers as people read them."""

from datetime import date

from volcast.features.catalog import FEATURES

__all__ = ["days", "feature_words", "percent", "points", "session_words"]

_WORDS = {
    "iv": "implied volatility",
    "g1_less_iv": "today's range against implied volatility",
    "g5_less_iv": "the week's range against implied volatility",
    "g22_less_iv": "the month's range against implied volatility",
    "g66_less_iv": "the quarter's range against implied volatility",
    "r5_less_iv": "the week's returns against implied volatility",
    "iv_change_1": "today's change of implied volatility",
    "iv_change_5": "the week's change of implied volatility",
    "iv_less_mean22": "implied volatility against its month",
    "iv_less_min252": "implied volatility above its year's low",
    "g252": "the year's range",
    "g1_less_g252": "today's range against the year's",
    "g5_less_g252": "the week's range against the year's",
    "g22_less_g252": "the month's range against the year's",
    "g66_less_g252": "the quarter's range against the year's",
    "r5_less_g252": "the week's returns against the year's range",
    "ret_1_scaled": "today's return, scaled",
    "ret_5_scaled": "the week's return, scaled",
    "ret_22_scaled": "the month's return, scaled",
    "drawdown_66": "the fall from the quarter's high",
    "max_move_22": "the month's largest move",
    "g_sd_22": "how the range varied in the month",
    "ret_1": "today's return",
    "ret_5": "the week's return",
    "ret_22": "the month's return",
    "rv_1": "today's realized volatility",
    "rv_5": "the week's realized volatility",
    "rv_10": "two weeks' realized volatility",
    "rv_22": "the month's realized volatility",
    "ewma94": "realized volatility by EWMA",
    "drawdown_252": "the fall from the year's high",
    "vix": "VIX",
    "vix_change_1": "today's change of VIX",
    "vix_change_5": "the week's change of VIX",
    "vix3m_slope": "three-month against one-month VIX",
    "bond_ret_1": "the bond's return today",
    "bond_ret_5": "the bond's return in the week",
    "bond_ret_22": "the bond's return in the month",
    "bond_rv_22": "the bond's realized volatility",
    "bond_corr_66": "how stocks move with the bond",
    "credit_ret_1": "credit's return today",
    "credit_ret_5": "credit's return in the week",
    "credit_ret_22": "credit's return in the month",
    "credit_rv_22": "credit's realized volatility",
    "credit_corr_66": "how stocks move with credit",
    "rv_5d": "the outcomes",
    "rv_5d_hat": "the forecasts",
}
"""Of market features, the target and the forecast; others are called by their formula."""

_FORMULAS = {feature.name: feature.formula for feature in FEATURES}


def feature_words(name: str) -> str:
    """Return a feature in words; its formula, or else its name, where there are none."""
    return _WORDS.get(name) or _FORMULAS.get(name, name)


def percent(volatility: float) -> str:
    """Return a volatility in decimals as ``13.1 %``."""
    return f"{100 * volatility:.1f} %"


def points(change: float) -> str:
    """Return a change of volatility in decimals as ``+0.9`` points."""
    # A change that rounds to nothing has no sign.
    return f"{100 * change:+.1f}" if round(100 * change, 1) else "0.0"


def days(first: date, last: date) -> str:
    """Return a span of days as ``3-7 Jan 2022``, ``30 Dec 2021 - 5 Jan 2022`` and the like."""
    if first == last:
        return f"{last.day} {last:%b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}-{last.day} {last:%b %Y}"
    if first.year == last.year:
        return f"{first.day} {first:%b} - {last.day} {last:%b %Y}"
    return f"{first.day} {first:%b %Y} - {last.day} {last:%b %Y}"


def session_words(count: int) -> str:
    """Return a number of sessions as ``1 session`` or ``1,234 sessions``."""
    return f"{count:,} session{'' if count == 1 else 's'}"
