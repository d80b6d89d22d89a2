"""The entity, the feature view and the feature service, from the contract and the catalogue."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, String

from volcast.features.catalog import FEATURES, FEATURES_DAILY

__all__ = ["FORECAST", "SYMBOL", "TTL", "features_daily", "forecast"]

FORECAST = "forecast"
"""The name of the service that training, daily inference and serving all read."""

TTL = timedelta(days=10)
"""How old a row may be to be joined at all; longer than any holiday, shorter than a lost week."""

SYMBOL = Entity(
    name="symbol",
    join_keys=["symbol"],
    value_type=ValueType.STRING,
    description="a symbol as the universe names it",
)


def features_daily(store_uri: str) -> FeatureView:
    """Return the view over features_daily of a store, with the types of the contract."""
    values = [Field(name=one.name, dtype=Float64, description=one.label) for one in FEATURES]
    return FeatureView(
        name=FEATURES_DAILY.name,
        entities=[SYMBOL],
        ttl=TTL,
        schema=[Field(name="symbol", dtype=String), *values],
        source=FileSource(
            name=FEATURES_DAILY.name,
            path=store_uri,
            timestamp_field="event_timestamp",
            created_timestamp_column="created_timestamp",
        ),
    )


def forecast(view: FeatureView) -> FeatureService:
    """Return the service of every feature; a model's signature picks its own by name."""
    return FeatureService(name=FORECAST, features=[view])
