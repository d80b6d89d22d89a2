"""The contracts: one module a table, all read and written through them."""

from volcast.contracts.curated_market_daily import CURATED_MARKET_DAILY
from volcast.contracts.features_daily import FEATURES_DAILY
from volcast.contracts.labels_daily import LABELS_DAILY
from volcast.contracts.monitoring_drift_daily import MONITORING_DRIFT_DAILY
from volcast.contracts.monitoring_jobs import MONITORING_JOBS
from volcast.contracts.monitoring_performance import MONITORING_PERFORMANCE
from volcast.contracts.monitoring_quality import MONITORING_QUALITY
from volcast.contracts.monitoring_quarantine import MONITORING_QUARANTINE
from volcast.contracts.monitoring_realized_error import MONITORING_REALIZED_ERROR
from volcast.contracts.monitoring_retrain import MONITORING_RETRAIN
from volcast.contracts.predictions_daily import PREDICTIONS_DAILY
from volcast.contracts.raw_macro import RAW_MACRO
from volcast.contracts.raw_market import RAW_MARKET
from volcast.contracts.table import Column, Table

__all__ = [
    "CURATED_MARKET_DAILY",
    "FEATURES_DAILY",
    "LABELS_DAILY",
    "MONITORING_DRIFT_DAILY",
    "MONITORING_JOBS",
    "MONITORING_PERFORMANCE",
    "MONITORING_QUALITY",
    "MONITORING_QUARANTINE",
    "MONITORING_REALIZED_ERROR",
    "MONITORING_RETRAIN",
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
        MONITORING_DRIFT_DAILY,
        MONITORING_JOBS,
        MONITORING_PERFORMANCE,
        MONITORING_QUALITY,
        MONITORING_QUARANTINE,
        MONITORING_REALIZED_ERROR,
        MONITORING_RETRAIN,
    )
}
"""Every table by its name."""
