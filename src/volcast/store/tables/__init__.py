"""The contracts: one module a table, all read and written through them."""

from volcast.store.schema import Column, Table
from volcast.store.tables.curated_market_daily import CURATED_MARKET_DAILY
from volcast.store.tables.features_daily import FEATURES_DAILY
from volcast.store.tables.labels_daily import LABELS_DAILY
from volcast.store.tables.monitoring_drift_daily import MONITORING_DRIFT_DAILY
from volcast.store.tables.monitoring_jobs import MONITORING_JOBS
from volcast.store.tables.monitoring_performance import MONITORING_PERFORMANCE
from volcast.store.tables.monitoring_quality import MONITORING_QUALITY
from volcast.store.tables.monitoring_quarantine import MONITORING_QUARANTINE
from volcast.store.tables.monitoring_realized_error import MONITORING_REALIZED_ERROR
from volcast.store.tables.monitoring_retrain import MONITORING_RETRAIN
from volcast.store.tables.predictions_daily import PREDICTIONS_DAILY
from volcast.store.tables.raw_macro import RAW_MACRO
from volcast.store.tables.raw_market import RAW_MARKET

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
