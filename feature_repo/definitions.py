"""The entity, the feature view and the feature service, from the contract and the catalogue."""

from datetime import timedelta

from feature_repo.sdk import feast
from volcast.features.catalog import FEATURES, FEATURES_DAILY

__all__ = ["FORECAST", "SYMBOL", "TTL", "features_daily", "forecast"]

FORECAST = "forecast"
"""The name of the service that training, daily inference and serving all read."""

TTL = timedelta(days=10)
"""How old a row may be to be joined at all; longer than any holiday, shorter than a lost week."""

SYMBOL = feast.Entity(
    name="symbol",
    join_keys=["symbol"],
    value_type=feast.ValueType.STRING,
    description="a symbol as the universe names it",
)


def features_daily(store_uri: str) -> feast.FeatureView:
    """Return the view over features_daily of a store, with the types of the contract."""
    number, text = feast.types.Float64, feast.types.String
    values = [feast.Field(name=f.name, dtype=number, description=f.label) for f in FEATURES]
    return feast.FeatureView(
        name=FEATURES_DAILY.name,
        entities=[SYMBOL],
        ttl=TTL,
        schema=[feast.Field(name="symbol", dtype=text), *values],
        source=feast.FileSource(
            name=FEATURES_DAILY.name,
            path=store_uri,
            timestamp_field="event_timestamp",
            created_timestamp_column="created_timestamp",
        ),
    )


def forecast(view: feast.FeatureView) -> feast.FeatureService:
    """Return the service of every feature; a model's signature picks its own by name."""
    return feast.FeatureService(name=FORECAST, features=[view])
