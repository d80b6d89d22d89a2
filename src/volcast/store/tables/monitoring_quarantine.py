"""monitoring.quarantine: rows kept out of curated data, each with its reason."""

from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = ["MONITORING_QUARANTINE"]

MONITORING_QUARANTINE = Table(
    name="monitoring.quarantine",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", "as the source printed it"),
        Column("source", TEXT, "", ""),
        Column("ingested_at", STAMP, "UTC", "of the raw row"),
        Column("reason", TEXT, "", "the check that failed"),
        Column("open", FLOAT, "price", "", nullable=True),
        Column("high", FLOAT, "price", "", nullable=True),
        Column("low", FLOAT, "price", "", nullable=True),
        Column("close", FLOAT, "price", "", nullable=True),
    ),
    key=("symbol", "session", "source", "ingested_at", "reason"),
)
