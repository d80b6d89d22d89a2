"""raw.macro: macro values with the moment each became public. Append-only."""

from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = ["RAW_MACRO"]

RAW_MACRO = Table(
    name="raw.macro",
    columns=(
        Column("series", TEXT, "", "the publisher's series name"),
        Column("observation_date", DATE, "first day of the period", "the period the value is for"),
        Column("available_at", STAMP, "UTC", "when this value became public, or its stated bound"),
        Column("value", FLOAT, "the series' own", "", nullable=True),
        Column("source", TEXT, "", "sample, csv or fred"),
        Column("lag_rule", TEXT, "", "how available_at is known: published, or the assumed lag"),
        Column("ingested_at", STAMP, "UTC", "when it was first fetched"),
    ),
    key=("series", "observation_date", "available_at"),
    partition_symbol="series",
    partition_date="observation_date",
    partition_stamp="ingested_at",
)
