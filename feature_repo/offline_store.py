"""An offline store for Feast: contract tables joined as they were known at each moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from feast import FeatureView, FileSource, RepoConfig
from feast.data_source import DataSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel
from feast.saved_dataset import ValidationReference
from feast.types import Float64
from feast.utils import _get_requested_feature_views_to_features_dict
from numpy.typing import NDArray
from typing_extensions import override

from volcast.core.errors import ConfigError, ContractError, RequestError
from volcast.features.catalog import FEATURES_DAILY
from volcast.store import Store
from volcast.store.tables import TABLES, Table

__all__ = ["AsOfOfflineStore", "AsOfOfflineStoreConfig", "AsOfRetrievalJob", "as_of"]

Times = NDArray[np.int64]  # nanoseconds since 1970, UTC

_CONTRACTS = TABLES | {FEATURES_DAILY.name: FEATURES_DAILY}
_KEY, _MOMENT = "symbol", "event_timestamp"
_ONE_DAY = timedelta(days=1)  # at most between the dates of a session and of its close in UTC


def as_of(
    moments: Times, event: Times, created: Times, *, ttl: int | None, filter_created: bool
) -> NDArray[np.intp]:
    """Return for each moment the number of its row among the rows of one symbol; -1 for none.

    The row is of the newest event with ``moment - ttl <= event <= moment``, and of that event the
    version created last; with ``filter_created``, of those created by the moment. All times are
    nanoseconds in any order; a moment of NaT has no row.

    Sorted by the time they count from (the event; with ``filter_created`` the later of event and
    creation) the candidates of a moment are a prefix; the newest of each prefix is a running
    maximum of ranks, so that a moment costs one binary search.
    """
    if not len(event):
        return np.full(len(moments), -1)
    order = np.lexsort((created, event))
    counts_from = (np.maximum(event, created) if filter_created else event)[order]
    by_time = np.argsort(counts_from, kind="stable")
    newest_so_far = np.maximum.accumulate(by_time)
    last = np.searchsorted(counts_from[by_time], moments, side="right") - 1
    row = order[newest_so_far[last]]
    absent = last < 0
    if ttl is not None:
        absent |= moments - event[row] > ttl
    return np.where(absent, -1, row)


class AsOfOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """Configuration section ``offline_store``; Feast finds this class by the store's name."""

    type: str = f"{__name__}.AsOfOfflineStore"


class AsOfRetrievalJob(RetrievalJob):  # type: ignore[misc]
    """Rows that are read and joined at each request."""

    on_demand_feature_views: tuple[()] = ()

    full_feature_names: bool = False
    metadata: RetrievalMetadata | None = None

    def __init__(self, evaluate: Callable[[], pd.DataFrame]) -> None:
        self._evaluate = evaluate

    @override
    def to_df(
        self, validation_reference: ValidationReference | None = None, timeout: int | None = None
    ) -> pd.DataFrame:
        return self._evaluate()  # without a copy through Arrow

    @override
    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return pa.Table.from_pandas(self._evaluate(), preserve_index=False)


@dataclass(frozen=True)
class _Source:
    """A contract table in a store, narrowed to its key, times and the features requested."""

    store: Store
    table: Table
    features: tuple[str, ...]
    created: str

    @classmethod
    def of(cls, source: DataSource, features: Sequence[str]) -> "_Source":
        """Raise ConfigError unless ``source`` names a contract table and the store's address."""
        is_table = isinstance(source, FileSource) and source.name in _CONTRACTS
        if not is_table or source.field_mapping or not source.created_timestamp_column:
            raise _unsupported(
                f"{type(source).__name__} {source.name}",
                "a FileSource named like a contract table, its path a volcast store",
            )
        table, created = _CONTRACTS[source.name], source.created_timestamp_column
        columns = {*table.key, table.partition_date, _MOMENT, created, *features}
        narrow = tuple(column for column in table.columns if column.name in columns)
        narrowed = replace(table, columns=narrow)
        return cls(Store.open(source.path), narrowed, tuple(features), created)

    def read(
        self, first: datetime | None, last: datetime | None, symbols: Sequence[str] | None = None
    ) -> pa.Table:
        """Return the rows of the files that can hold events from ``first`` to ``last``."""
        return self.store.read(
            self.table,
            symbols=symbols,
            first=None if first is None else (first - _ONE_DAY).date(),
            last=None if last is None else (last + _ONE_DAY).date(),
        )

    def times(self, rows: pa.Table, symbol: str) -> tuple[Times, Times]:
        """Return event and creation of each row; ContractError if one is of another symbol."""
        if set(rows.column(_KEY).unique().to_pylist()) - {symbol}:
            raise ContractError(
                found=f"rows of another {_KEY}",
                expected=f"{_KEY} {symbol}",
                where=f"{self.store.uri}, {self.table.name}",
                remedy="Write the table through its contract.",
            )
        event, created = (
            rows.column(name).cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
            for name in (_MOMENT, self.created)
        )
        return event, created


class AsOfOfflineStore(OfflineStore):  # type: ignore[misc]
    """Joins contract tables by symbol, read-only.

    SQL, spans of dates, on-demand views, renamed columns and other sources are refused.
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

        ``entity_df`` has ``event_timestamp`` (UTC where it has no zone) and ``symbol``, as text.
        All its rows and columns are returned in their order; features are null where there are
        none. RequestError if it cannot be joined, ConfigError if a view is not supported.
        """
        if span or not isinstance(entity_df, pd.DataFrame):
            raise _not_joinable("no DataFrame", "a DataFrame of symbols and moments")
        if OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry):
            raise _unsupported("an on-demand feature view", "stored features")
        requested = _get_requested_feature_views_to_features_dict(feature_refs, feature_views, [])
        views = [_View.of(view, names, full_feature_names) for view, names in requested[0].items()]
        moments = _moments(entity_df, [name for view in views for name in view.names])
        job = AsOfRetrievalJob(
            lambda: _join(entity_df, moments, views, filter_by_created_timestamp)
        )
        job.full_feature_names = full_feature_names
        job.metadata = RetrievalMetadata(
            features=feature_refs,
            keys=[name for name in entity_df.columns if name != _MOMENT],
            min_event_timestamp=moments.min(),
            max_event_timestamp=moments.max(),
        )
        return job

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
        """Return a job for each symbol's newest version of its newest event from start to end."""
        source = _Source.of(data_source, feature_name_columns)
        order = [_KEY, _MOMENT, source.created]

        def newest() -> pd.DataFrame:
            rows = _pull(source, start_date, end_date).sort_values(order)
            return rows.drop_duplicates(_KEY, keep="last", ignore_index=True)

        return AsOfRetrievalJob(newest)

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
        """Return a job for every version with an event from start to end, inclusive."""
        source = _Source.of(data_source, feature_name_columns)
        return AsOfRetrievalJob(partial(_pull, source, start_date, end_date))


@dataclass(frozen=True)
class _View:
    """The features requested of one view, and their names in the result."""

    source: _Source
    names: tuple[str, ...]
    ttl: timedelta | None

    @classmethod
    def of(cls, view: FeatureView, features: Sequence[str], full_names: bool) -> "_View":
        if any(field.dtype != Float64 for field in view.features) or view.join_keys != [_KEY]:
            raise _unsupported(f"view {view.name}", "float features by symbol")
        prefix = f"{view.projection.name_to_use()}__" if full_names else ""
        names = tuple(prefix + name for name in features)
        return cls(_Source.of(view.batch_source, features), names, view.ttl or None)


def _join(
    entity_df: pd.DataFrame,
    moments: "pd.Series[Any]",
    views: Sequence[_View],
    filter_created: bool,
) -> pd.DataFrame:
    """Append each view's features, in memory allocated once and filled by symbol."""
    places = entity_df.groupby(_KEY, sort=False).indices
    first, last = (None if pd.isna(x) else x for x in (moments.min(), moments.max()))
    counted = moments.to_numpy("datetime64[ns]").view(np.int64)

    def fill(view: _View, values: NDArray[np.float64], symbol: str) -> None:
        rows = view.source.read(first - view.ttl if first and view.ttl else None, last, [symbol])
        times = view.source.times(rows, symbol)
        ttl = view.ttl // timedelta(microseconds=1) * 1000 if view.ttl else None
        row = as_of(counted[places[symbol]], *times, ttl=ttl, filter_created=filter_created)
        at, row = places[symbol][row >= 0], row[row >= 0]
        for line, name in zip(values, view.source.features, strict=True):
            line[at] = rows.column(name).to_numpy()[row]

    parts = [entity_df.reset_index(drop=True)]
    for view in views:
        values = np.full((len(view.names), len(entity_df)), np.nan)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(partial(fill, view, values), places))
        parts.append(pd.DataFrame(values.T, columns=list(view.names), copy=False))
    return pd.concat(parts, axis=1)


def _pull(source: _Source, start: datetime | None, end: datetime | None) -> pd.DataFrame:
    rows: pd.DataFrame = source.read(start, end).to_pandas()
    if start is not None:
        rows = rows[rows[_MOMENT] >= pd.to_datetime(start, utc=True)]
    if end is not None:
        rows = rows[rows[_MOMENT] <= pd.to_datetime(end, utc=True)]
    return rows[[_KEY, _MOMENT, source.created, *source.features]].reset_index(drop=True)


def _moments(entity_df: pd.DataFrame, features: Sequence[str]) -> "pd.Series[Any]":
    """Return the moments of the rows in UTC, after checking that the rows can be joined."""
    if missing := [name for name in (_KEY, _MOMENT) if name not in entity_df]:
        raise _not_joinable(f"no column {', '.join(missing)}", f"columns {_KEY}, {_MOMENT}")
    if repeated := sorted(set(features) & set(entity_df)):
        raise _not_joinable(f"columns {', '.join(repeated)}", "no column named like a feature")
    kind = pd.api.types.infer_dtype(entity_df[_KEY], skipna=True)
    if kind not in ("string", "empty"):
        raise _not_joinable(f"{_KEY} of type {kind}", f"{_KEY} as text, such as '000001'")
    try:
        return pd.to_datetime(entity_df[_MOMENT], utc=True).dt.as_unit("ns")
    except (pd.errors.OutOfBoundsDatetime, TypeError, ValueError) as error:
        raise _not_joinable(str(error), "times from 1678 to 2261") from error


def _not_joinable(found: str, expected: str) -> RequestError:
    return RequestError(
        found=found,
        expected=expected,
        where="entity_df",
        remedy="Fix the rows that features are requested for; this store runs no SQL.",
        field="entity_df",
    )


def _unsupported(found: str, expected: str) -> ConfigError:
    return ConfigError(
        found=found,
        expected=expected,
        where="feature_repo",
        remedy="Define the view over a contract table.",
    )
