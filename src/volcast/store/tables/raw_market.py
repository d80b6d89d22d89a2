"""raw.market: market rows as fetched. Append-only; a restated value is a new row."""

from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = ["RAW_MARKET"]

RAW_MARKET = Table(
    name="raw.market",
    columns=(
        Column("symbol", TEXT, "", "as the universe names it"),
        Column("session", DATE, "session label", "the date the source prints; not yet checked"),
        Column("source", TEXT, "", "sample, csv, yfinance or synthetic"),
        Column("ingested_at", STAMP, "UTC", "when this version of the row was first fetched"),
        Column("open", FLOAT, "price", "unadjusted for dividends", nullable=True),
        Column("high", FLOAT, "price", "", nullable=True),
        Column("low", FLOAT, "price", "", nullable=True),
        Column("close", FLOAT, "price", "", nullable=True),
        Column(
            "adj_close",
            FLOAT,
            "price",
            "scaled to the fetch's last date; use ratios only",
            nullable=True,
        ),
        Column(
            "adjustment",
            FLOAT,
            "ratio",
            "gross-up for dividends and splits: (adj_close_t/adj_close_t-1)/(close_t/close_t-1) "
            "within the fetch, free of its scale; null on the fetch's first row",
            nullable=True,
        ),
        Column("volume", FLOAT, "shares", "", nullable=True),
    ),
    key=("symbol", "session", "source", "ingested_at"),
    partition_stamp="ingested_at",
)
