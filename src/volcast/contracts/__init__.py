"""The contracts: one module a table, all read and written through them."""

from volcast.contracts.curated_market_daily import CURATED_MARKET_DAILY
from volcast.contracts.features_daily import FEATURES_DAILY
from volcast.contracts.labels_daily import LABELS_DAILY
from volcast.contracts.monitoring_quarantine import MONITORING_QUARANTINE
from volcast.contracts.predictions_daily import PREDICTIONS_DAILY
from volcast.contracts.raw_macro import RAW_MACRO
from volcast.contracts.raw_market import RAW_MARKET
from volcast.contracts.table import Column, Table

__all__ = [
    "CURATED_MARKET_DAILY",
    "FEATURES_DAILY",
    "LABELS_DAILY",
    "MONITORING_QUARANTINE",
    "PREDICTIONS_DAILY",
    "RAW_MACRO",
    "RAW_MARKET",
    "TABLES",
    "Column",
    "Table",
]

TABLES = {
    table.name: table
    for table in (
        RAW_MARKET,
        RAW_MACRO,
        CURATED_MARKET_DAILY,
        FEATURES_DAILY,
        LABELS_DAILY,
        PREDICTIONS_DAILY,
        MONITORING_QUARANTINE,
    )
}
"""Every table by its name."""
