"""features_daily: one row a symbol, session and version of its inputs."""

from volcast.features.catalog import FEATURES
from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = ["FEATURES_DAILY"]

FEATURES_DAILY = Table(
    name="features_daily",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", ""),
        Column("event_timestamp", STAMP, "UTC", "close of the session"),
        Column(
            "created_timestamp",
            STAMP,
            "UTC",
            "close of the session for the first version; for a restated row, when it became known",
        ),
        Column("iv_symbol", TEXT, "", "the implied-volatility symbol used", nullable=True),
        *(Column(f.name, FLOAT, f.unit, f.formula, nullable=True) for f in FEATURES),
    ),
    key=("symbol", "session", "created_timestamp"),
)
