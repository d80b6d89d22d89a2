"""The feature view, generated from the contract and the feature definitions."""

from datetime import timedelta
from pathlib import Path

from feast import FeatureView, Field, FileSource
from feast.data_format import ParquetFormat
from feast.types import Float64, String

from feature_repo.entities import SYMBOL
from volcast.features.catalog import FEATURES
from volcast.store.tables import FEATURES_DAILY

__all__ = ["TTL", "features_daily"]

TTL = timedelta(days=10)
"""How old a row may be to be joined at all; longer than any holiday, shorter than a lost week."""


def features_daily(folder: Path) -> FeatureView:
    """Return the view over ``folder``, the local folder of features_daily.

    The schema is explicit, so that Feast never infers types from whichever file comes first.
    """
    source = FileSource(
        name=FEATURES_DAILY.name,
        path=str(folder / "*" / "*" / "*.parquet"),
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
        file_format=ParquetFormat(),
    )
    values = [
        Field(name=feature.name, dtype=Float64, description=feature.formula) for feature in FEATURES
    ]
    return FeatureView(
        name=FEATURES_DAILY.name,
        entities=[SYMBOL],
        ttl=TTL,
        schema=[Field(name="symbol", dtype=String), *values],
        source=source,
    )
