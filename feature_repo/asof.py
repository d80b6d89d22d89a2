"""An offline store for Feast whose join is as-known-then, over Parquet files on this machine."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
from feast import FeatureView, RepoConfig
from feast.data_source import DataSource
from feast.feature_view import DUMMY_ENTITY_ID
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel
from feast.saved_dataset import ValidationReference
from feast.type_map import feast_value_type_to_pa
from feast.utils import _get_requested_feature_views_to_features_dict
from typing_extensions import override

from feature_repo.entity_rows import MOMENT, EntityRows
from feature_repo.parquet import pattern
from feature_repo.retrieval import Source, View, joined, pulled
from volcast.core.errors import ConfigError, RequestError

__all__ = ["AsOfOfflineStore", "AsOfOfflineStoreConfig", "AsOfRetrievalJob"]


_FOREVER = timedelta(days=365 * 500)
"""Longer than from the first time there is in nanoseconds to the last, or nearly."""


class AsOfOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """What feature_store.yaml says under ``offline_store``; Feast finds it by its name."""

    type: Literal["feature_repo.asof.AsOfOfflineStore"] = "feature_repo.asof.AsOfOfflineStore"


class AsOfRetrievalJob(RetrievalJob):  # type: ignore[misc]
    """Rows that are read and joined anew each time they are asked for, and not kept."""

    on_demand_feature_views: tuple[()] = ()

    def __init__(
        self,
        evaluate: Callable[[], pa.Table],
        *,
        full_feature_names: bool = False,
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._evaluate = evaluate
        self._full_feature_names = full_feature_names
        self._metadata = metadata

    @property
    def full_feature_names(self) -> bool:
        """Whether feature columns are named ``view__feature``."""
        return self._full_feature_names

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """What was asked for; None for rows pulled from a source."""
        return self._metadata

    @override
    def to_df(
        self, validation_reference: ValidationReference | None = None, timeout: int | None = None
    ) -> pd.DataFrame:
        """Return the rows as pandas.

        Column by column, each let go of once it is copied: as Feast does it, the answer is there
        three times over.
        """
        table = self.to_arrow(validation_reference=validation_reference, timeout=timeout)
        columns = {}
        for name in table.column_names:
            part = table.select([name]).to_pandas()
            columns[part.columns[0]] = part.iloc[:, 0]
            table = table.drop_columns([name])
        return pd.DataFrame(columns, copy=False)

    @override
    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._evaluate()


class AsOfOfflineStore(OfflineStore):  # type: ignore[misc]
    """Joins by one text key a view; reads the contract tables and never writes.

    What it does not do is refused: entities by SQL or none at all, on-demand views, views of
    several keys or none, renamed columns, sources other than local Parquet files. Writing is left
    as Feast has it for a store without: not implemented.
    """

    supports_filter_by_created_timestamp = True

    @staticmethod
    @override
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **span: Any,
    ) -> RetrievalJob:
        """Return a job that joins to each row of ``entity_df`` the features of its moment.

        A row's version is the newest event at or before its ``event_timestamp`` that is no older
        than the view's TTL, and of that event the one created last. With
        ``filter_by_created_timestamp`` only versions created by then count, in sources that say
        when that was; as ever in Feast, the others are not filtered.

        Parameters
        ----------
        entity_df : pandas.DataFrame
            ``event_timestamp`` (UTC where it has no zone) and each view's key, as text; all rows
            and columns come back in their order, null features where there are none.

        Raises
        ------
        RequestError
            If ``entity_df`` cannot be joined.
        ConfigError
            If a view is of a kind that this store does not serve.
        """
        if span or not isinstance(entity_df, pd.DataFrame):
            raise RequestError(
                found="a span of dates" if span else f"entities as {type(entity_df).__name__}",
                expected="a DataFrame of entities and their moments",
                where="get_historical_features",
                remedy="Give entity_df the rows to join; this store runs no SQL.",
                field="entity_df",
            )
        if OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry):
            raise _unserved("an on-demand feature view", "stored features", f"project {project}")
        asked = _get_requested_feature_views_to_features_dict(feature_refs, feature_views, [])[0]
        views = [_view(config, view, names, full_feature_names) for view, names in asked.items()]
        entities = EntityRows.of(entity_df, [view.entity for view in views])
        entities.refuse_columns([name for view in views for name in view.features.values()])
        return AsOfRetrievalJob(
            lambda: joined(entities, views, known_only=filter_by_created_timestamp),
            full_feature_names=full_feature_names,
            metadata=RetrievalMetadata(
                features=feature_refs,
                keys=[name for name in entity_df.columns if name != MOMENT],
                min_event_timestamp=entities.first,
                max_event_timestamp=entities.last,
            ),
        )

    @staticmethod
    @override
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """Return a job for each key's newest row with an event from start to end, both inclusive.

        Of several versions of the event it is the one created last.
        """
        source = _source(
            config, data_source, join_key_columns, timestamp_field, created_timestamp_column
        )
        return AsOfRetrievalJob(
            lambda: pulled(source, feature_name_columns, start_date, end_date, latest=True)
        )

    @staticmethod
    @override
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Return a job for every version with an event from start to end, both inclusive."""
        source = _source(
            config, data_source, join_key_columns, timestamp_field, created_timestamp_column
        )
        return AsOfRetrievalJob(
            lambda: pulled(source, feature_name_columns, start_date, end_date, latest=False)
        )


def _source(
    config: RepoConfig, source: DataSource, keys: Sequence[str], event: str, created: str | None
) -> Source:
    where = f"source {source.name}"
    if len(keys) != 1:
        raise _unserved(f"{len(keys)} join keys", "one", where)
    return Source(pattern(config, source), keys[0], event, created or None)


def _view(
    config: RepoConfig, view: FeatureView, names: Sequence[str], full_feature_names: bool
) -> View:
    source, where = view.batch_source, f"view {view.name}"
    keys = [column.name for column in view.entity_columns if column.name != DUMMY_ENTITY_ID]
    if source.field_mapping:
        raise _unserved("renamed columns", "columns by their names in the files", where)
    types = {
        field.name: feast_value_type_to_pa(field.dtype.to_value_type()) for field in view.features
    }
    prefix = f"{view.projection.name_alias or view.name}__" if full_feature_names else ""
    read = _source(config, source, keys, source.timestamp_field, source.created_timestamp_column)
    return View(
        source=read,
        entity=view.projection.join_key_map.get(read.key, read.key),
        features={name: prefix + name for name in names},
        types={name: types[name] for name in names},
        ttl=view.ttl if view.ttl and view.ttl < _FOREVER else None,
    )


def _unserved(found: str, expected: str, where: str) -> ConfigError:
    return ConfigError(
        found=found,
        expected=expected,
        where=where,
        remedy="Define the view otherwise; the offline store of feature_repo serves no such one.",
    )
