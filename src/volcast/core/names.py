"""Names and labels of the baselines and of the market regimes, once for every reader."""

__all__ = [
    "BASELINES",
    "EQUITY_VOLATILITY",
    "EVALUATION_BASELINES",
    "GARCH_BASELINES",
    "LABELS",
    "LIVE_SOURCES",
    "STATES",
    "VOLATILITY",
    "VOLATILITY_INDICES",
]

LABELS = {
    "volcast": "volcast",
    "random_walk": "random walk, 5 sessions",
    "mean22": "mean of 22 sessions",
    "ewma94": "EWMA .94",
    "har_rv": "HAR-RV",
    "log_har": "HAR in logs",
    "har_x": "HAR-X",
    "vix": "VIX",
    "garch": "GARCH(1,1)",
    "gjr_garch": "GJR-GARCH(1,1)",
}
"""What a reader is shown for the forecast and for each baseline, in the order of every table."""

GARCH_BASELINES = ("garch", "gjr_garch")
"""Baselines of the evaluation alone: their state is the whole history, not a row of features."""

EVALUATION_BASELINES = tuple(name for name in LABELS if name != "volcast")

BASELINES = tuple(name for name in EVALUATION_BASELINES if name not in GARCH_BASELINES)
"""Baselines published with every forecast, as ``baseline_<name>`` of predictions_daily."""

STATES = {"calm": "a calm market", "normal": "a normal market", "stressed": "a stressed market"}
"""Regimes by name, with their labels, in order of their mean log variance."""

LIVE_SOURCES = frozenset({"yfinance"})
"""Sources that get new rows every session; every other source is an archive that has ended."""

_OF_STOCK_INDICES = frozenset(
    {
        "VIX", "VIX1D", "VIX1Y", "VIX3M", "VIX6M", "VIX9D", "VXD", "VXMT", "VXN", "VXO", "VXST",
        "VXV", "RVX", "SYNVIX", "SYNVIX3M", "SYNVIX9D",
    }
)  # fmt: skip

VOLATILITY_INDICES = _OF_STOCK_INDICES | {
    "BPVIX", "DVOL", "EUVIX", "EVZ", "GVZ", "INDIAVIX", "JYVIX", "MOVE", "OVX", "SKEW", "TYVIX",
    "V1X", "V2X", "V2TX", "VDAX", "VHSI", "VOLQ", "VVIX", "VXAPL", "VXAZN", "VXEEM", "VXEFA",
    "VXEWZ", "VXFXI", "VXGDX", "VXGOG", "VXGS", "VXIBM", "VXSLV", "VXTLT", "VXTYN", "VXXLE",
}  # fmt: skip
"""Indices that are quoted in points of volatility, by their usual names."""


def _spelled(names: frozenset[str]) -> frozenset[str]:
    """Return the names as Yahoo (^VIX), Cboe's files (VIX_History) and FRED (VIXCLS) spell them."""
    forms = {f"{p}{name}{s}" for name in names for p in ("", "^") for s in ("", "_History", "CLS")}
    return frozenset(forms | {form.lower() for form in forms})


EQUITY_VOLATILITY = _spelled(_OF_STOCK_INDICES)
"""Implied-volatility indices of stock indices; those of oil, bonds, crypto, single stocks, or of
volatility itself reach several times their highest points."""

VOLATILITY = _spelled(VOLATILITY_INDICES)
"""Symbols that are known to be no asset, whatever part the universe gives them."""
