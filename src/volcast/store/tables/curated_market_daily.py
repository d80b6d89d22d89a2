"""curated.market_daily: one validated row a symbol and XNYS session."""

import pyarrow as pa

from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = ["CURATED_MARKET_DAILY"]

CURATED_MARKET_DAILY = Table(
    name="curated.market_daily",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", "a XNYS session"),
        Column("open", FLOAT, "price", ""),
        Column("high", FLOAT, "price", ""),
        Column("low", FLOAT, "price", ""),
        Column("close", FLOAT, "price", ""),
        Column(
            "adjustment", FLOAT, "ratio", "dividend and split gross-up of the session; 1 if none"
        ),
        Column("volume", FLOAT, "shares", "", nullable=True),
        Column("source", TEXT, "", "the source of the row in use"),
        Column(
            "known_at",
            STAMP,
            "UTC",
            "close of the session for the first version of a row, ingested_at for a restated one",
        ),
        Column("flags", pa.list_(pa.string()), "", "quality flags that do not bar the row"),
    ),
    key=("symbol", "session"),
)
