"""The one entity: every view is keyed by symbol."""

from feast import Entity, ValueType

__all__ = ["SYMBOL"]

SYMBOL = Entity(
    name="symbol",
    join_keys=["symbol"],
    value_type=ValueType.STRING,
    description="a symbol as the universe names it",
)
