"""The offline store against plain loops over rows, and what it refuses."""

import multiprocessing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.contract_rows import feature_rows
from volcast.core.errors import ConfigError, ContractError, RequestError
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.store import Store

SYMBOLS = ("SPX", "000001", "^VIX")
FIRST, LAST = date(2016, 11, 1), date(2018, 2, 28)
TTL = timedelta(days=10)
MICROSECOND = timedelta(microseconds=1)
START = datetime(2017, 3, 1, 21, tzinfo=UTC)
END = datetime(2017, 9, 1, 20, tzinfo=UTC)

Row = dict[str, Any]


def _versions(symbol: str, seed: int) -> pd.DataFrame:
    """Return rows with gaps; some came late, some were revised, up to three times."""
    draw = np.random.default_rng(seed)
    rows = feature_rows(symbol, FIRST, LAST, seed)
    in_may = np.array([day.month == 5 for day in rows["session"]])
    rows = rows[~in_may & (draw.random(len(rows)) > 0.1)]
    values = rows[names()]
    rows = rows.assign(**values.mask(draw.random(values.shape) < 0.1))
    late = draw.random(len(rows)) < 0.2
    rows["created_timestamp"] += pd.to_timedelta(
        np.where(late, draw.integers(1, 9, len(rows)), 0), "D"
    )
    parts = [rows]
    for again in range(3):
        part = rows.sample(40, random_state=seed + again)
        days = pd.to_timedelta(draw.integers(10 * again + 10, 10 * again + 19, 40), "D")
        parts.append(part.assign(created_timestamp=part["created_timestamp"] + days))
    everything = pd.concat(parts, ignore_index=True)
    return everything.assign(ret_1=seed * 10_000.0 + np.arange(len(everything)))


@pytest.fixture(scope="module")
def versions() -> pd.DataFrame:
    parts = [_versions(symbol, seed) for seed, symbol in enumerate(SYMBOLS)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def store_uri(tmp_path_factory: pytest.TempPathFactory, versions: pd.DataFrame) -> str:
    store = Store.open(str(tmp_path_factory.mktemp("versions")))
    store.write(FEATURES_DAILY, versions)
    return store.uri


@pytest.fixture(scope="module")
def moments(versions: pd.DataFrame) -> pd.DataFrame:
    """Return 300 rows: any moments, and those where something just begins or ends to count."""
    draw = np.random.default_rng(5)
    edges = []
    for row in versions.sample(200, random_state=3).itertuples():
        event, created = row.event_timestamp, row.created_timestamp
        edge = [event, created, event + TTL][draw.integers(3)]
        edges.append((row.symbol, edge + MICROSECOND * int(draw.integers(-1, 2))))
    span = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(draw.uniform(-30, 520, 80), "D")
    free = list(zip(draw.choice(SYMBOLS, 80), span.floor("us"), strict=True))
    unknown = [("NONE", pd.Timestamp(LAST, tz="UTC")), (None, pd.Timestamp(LAST, tz="UTC"))] * 5
    rows = pd.DataFrame([*edges, *free, *unknown], columns=["symbol", "event_timestamp"])
    rows = pd.concat([rows, rows.head(10)]).sample(frac=1, random_state=1, ignore_index=True)
    return rows.assign(note=[f"row {number}" for number in range(len(rows))])


def _joined(
    store_uri: str, entity_df: Any, *, filter_created: bool = True, **more: Any
) -> pd.DataFrame:
    from feature_repo.opening import open_feature_store

    feature_store = open_feature_store(store_uri)
    service = feature_store.get_feature_service("forecast")
    job = feature_store.get_historical_features(
        entity_df=entity_df, features=service, filter_by_created_timestamp=filter_created, **more
    )
    rows: pd.DataFrame = job.to_df()
    return rows


def _searched(
    rows: list[Row], moments: pd.DataFrame, filter_created: bool, ttl: timedelta = TTL
) -> list[list[float]]:
    results = []
    for symbol, moment in zip(moments["symbol"], moments["event_timestamp"], strict=True):
        candidates = [
            row
            for row in rows
            if row["symbol"] == symbol
            and moment - ttl <= row["event_timestamp"] <= moment
            and not (filter_created and row["created_timestamp"] > moment)
        ]
        best = max(
            candidates,
            key=lambda row: (row["event_timestamp"], row["created_timestamp"]),
            default=None,
        )
        results.append([best[name] if best else np.nan for name in names()])
    return results


@pytest.mark.parametrize("filter_created", [True, False])
def test_300_rows_match_a_search_through_all_versions(store_uri, versions, moments, filter_created):
    joined = _joined(store_uri, moments, filter_created=filter_created)
    expected = _searched(versions.to_dict("records"), moments, filter_created)
    assert len(moments) == 300
    np.testing.assert_array_equal(joined[names()].to_numpy(), np.array(expected, float))
    assert 100 < joined["ret_1"].notna().sum() < 290
    assert list(joined.columns) == [*moments.columns, *names()]
    pd.testing.assert_frame_equal(joined[list(moments.columns)], moments)
    full = _joined(store_uri, moments, filter_created=filter_created, full_feature_names=True)
    assert list(full.columns[3:]) == [f"features_daily__{name}" for name in names()]
    np.testing.assert_array_equal(full.iloc[:, 3:], joined[names()])


@pytest.mark.parametrize(
    "form",
    [
        lambda stamps: stamps.dt.tz_convert("America/New_York"),
        lambda stamps: stamps.dt.tz_localize(None),
        lambda stamps: stamps.dt.as_unit("ns"),
        lambda stamps: stamps.astype(object),
        lambda stamps: pd.Series([stamp.to_pydatetime() for stamp in stamps], dtype=object),
    ],
    ids=["another zone", "no zone", "nanoseconds", "objects", "datetimes"],
)
def test_moments_may_have_any_zone_unit_or_type(store_uri, moments, form):
    same = moments.assign(event_timestamp=form(moments["event_timestamp"]))
    expected = _joined(store_uri, moments)[names()]
    pd.testing.assert_frame_equal(_joined(store_uri, same)[names()], expected)


def test_a_row_without_a_moment_gets_nothing(store_uri, moments):
    timeless = moments.assign(event_timestamp=pd.NaT)
    timeless["event_timestamp"] = timeless["event_timestamp"].dt.tz_localize("UTC")
    assert _joined(store_uri, timeless)[names()].isna().all(axis=None)
    assert len(_joined(store_uri, moments.head(0))) == 0


def test_a_forked_process_joins_too(store_uri, moments):
    expected = _joined(store_uri, moments)
    with multiprocessing.get_context("fork").Pool(1) as forked:
        again = forked.apply_async(_joined, (store_uri, moments)).get(timeout=60)
    pd.testing.assert_frame_equal(again, expected)


def test_files_of_other_symbols_and_years_are_not_opened(tmp_path, versions):
    # Folders above the table look like partitions, and are none.
    store = Store.open(str(tmp_path / "symbol=NONE" / "year=1999"))
    store.write(FEATURES_DAILY, versions)
    table = Path(store.uri) / "features_daily"
    files = sorted(table.rglob("*.parquet"))
    needed = table / "symbol=000001" / "year=2017" / "data.parquet"
    for file in set(files) - {needed}:
        file.write_bytes(b"no Parquet")
    when = pd.to_datetime(["2017-02-01 22:00", "2017-11-30 22:00"], utc=True)
    joined = _joined(store.uri, pd.DataFrame({"symbol": "000001", "event_timestamp": when}))
    assert joined["ret_1"].notna().all()


def _view(source: Any, name: str = "view", ttl: timedelta = TTL, **more: Any) -> Any:
    from feast import FeatureView, Field
    from feast.types import Float64, String

    from feature_repo.definitions import SYMBOL

    fields = [Field(name=each, dtype=Float64) for each in names()]
    options = {"entities": [SYMBOL], "schema": [Field(name="symbol", dtype=String), *fields]}
    return FeatureView(name=name, ttl=ttl, source=source, **{**options, **more})


def _source(path: str, name: str = "features_daily", **more: Any) -> Any:
    from feast import FileSource

    times = {"timestamp_field": "event_timestamp", "created_timestamp_column": "created_timestamp"}
    return FileSource(name=name, path=path, **times, **more)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that opens a feature store of some views."""
    from feast import FeatureStore, RepoConfig

    from feature_repo.definitions import SYMBOL

    def open_with(*views: Any) -> Any:
        feature_store = FeatureStore(
            config=RepoConfig(
                project="views",
                provider="local",
                registry={"path": str(tmp_path / "registry.db")},
                offline_store={"type": "feature_repo.offline_store.AsOfOfflineStore"},
                online_store=None,
                entity_key_serialization_version=3,
            )
        )
        feature_store.apply([SYMBOL, *views])
        return feature_store

    return open_with


def test_each_view_keeps_its_own_ttl_and_only_the_features_requested(
    opened, store_uri, versions, moments
):
    day, forever = timedelta(days=1), timedelta(days=9999)
    source = _source(store_uri)
    feature_store = opened(_view(source, "day", day), _view(source, "forever", forever))
    joined = feature_store.get_historical_features(
        moments, ["day:ret_1", "forever:vix"], filter_by_created_timestamp=True
    ).to_df()
    assert list(joined.columns) == [*moments.columns, "ret_1", "vix"]
    rows = versions.to_dict("records")
    within_a_day = pd.DataFrame(_searched(rows, moments, True, day), columns=names())
    at_any_age = pd.DataFrame(_searched(rows, moments, True, forever), columns=names())
    np.testing.assert_array_equal(joined["ret_1"], within_a_day["ret_1"])
    np.testing.assert_array_equal(joined["vix"], at_any_age["vix"])


def _pulled(store_uri: str, latest: bool, start: datetime, end: datetime) -> pd.DataFrame:
    from feature_repo.offline_store import AsOfOfflineStore
    from feature_repo.opening import open_feature_store

    feature_store = open_feature_store(store_uri)
    pull = (
        AsOfOfflineStore.pull_latest_from_table_or_query
        if latest
        else AsOfOfflineStore.pull_all_from_table_or_query
    )
    source = feature_store.get_feature_view("features_daily").batch_source
    times = ["event_timestamp", "created_timestamp"]
    job = pull(feature_store.config, source, ["symbol"], ["ret_1", "vix"], *times, start, end)
    rows: pd.DataFrame = job.to_df()
    assert list(rows.columns) == ["symbol", *times, "ret_1", "vix"]
    return rows


@pytest.mark.parametrize("end", [END, END - MICROSECOND, START, START - MICROSECOND])
def test_the_latest_rows_of_a_span_are_one_a_symbol(store_uri, versions, end):
    span = versions[versions["event_timestamp"].between(START, end)]
    newest = span.sort_values(["event_timestamp", "created_timestamp"]).groupby("symbol").tail(1)
    pulled = _pulled(store_uri, True, START, end).set_index("symbol")["ret_1"].to_dict()
    assert pulled == newest.set_index("symbol")["ret_1"].to_dict()


def test_all_rows_of_a_span_are_all_versions(store_uri, versions):
    expected = versions.loc[versions["event_timestamp"].between(START, END), "ret_1"]
    assert sorted(_pulled(store_uri, False, START, END)["ret_1"]) == sorted(expected)
    naive = START.replace(tzinfo=None), END.replace(tzinfo=None)
    assert len(_pulled(store_uri, False, *naive)) == len(expected)
    assert len(_pulled(store_uri, False, START.replace(year=2030), END.replace(year=2031))) == 0


@pytest.mark.parametrize(
    "entity_df",
    [
        None,
        "SELECT * FROM moments",
        pd.DataFrame({"symbol": ["SPX"]}),
        pd.DataFrame({"event_timestamp": [START]}),
        pd.DataFrame({"symbol": [600519], "event_timestamp": [START]}),
        pd.DataFrame({"symbol": ["SPX", 1], "event_timestamp": [START, START]}),
        pd.DataFrame({"symbol": ["SPX"], "event_timestamp": ["noon"]}),
        pd.DataFrame({"symbol": ["SPX"], "event_timestamp": [START], "vix": [1.0]}),
    ],
    ids=[
        "a span",
        "SQL",
        "no moment",
        "no symbol",
        "numbers",
        "mixed",
        "no time",
        "a feature's name",
    ],
)
def test_entities_that_cannot_be_joined_are_refused(store_uri, entity_df):
    span = {"start_date": START, "end_date": END} if entity_df is None else {}
    with pytest.raises(RequestError) as caught:
        _joined(store_uri, entity_df, **span)
    assert caught.value.field == "entity_df"


@pytest.mark.parametrize("kind", ["no contract table", "renamed columns", "no key", "text"])
def test_views_of_another_kind_are_refused(opened, store_uri, moments, kind):
    from feast import Field
    from feast.types import Float64, String

    source = _source(store_uri)
    text = [Field(name=name, dtype=String) for name in ("symbol", "vix")]
    source_and_changes: dict[str, tuple[Any, dict[str, Any]]] = {
        "no contract table": (_source(store_uri, "other"), {}),
        "renamed columns": (_source(store_uri, field_mapping={"old": "vix"}), {}),
        "no key": (source, {"entities": [], "schema": [Field(name="vix", dtype=Float64)]}),
        "text": (source, {"schema": text}),
    }
    of, changes = source_and_changes[kind]
    with pytest.raises(ConfigError):
        opened(_view(of, **changes)).get_historical_features(moments, ["view:vix"])


@pytest.mark.filterwarnings("ignore:On demand feature view is an experimental")
def test_an_on_demand_view_is_refused(opened, store_uri, moments):
    from feast import Field
    from feast.on_demand_feature_view import on_demand_feature_view
    from feast.types import Float64

    view = _view(_source(store_uri))

    @on_demand_feature_view(sources=[view], schema=[Field(name="twice", dtype=Float64)])
    def doubled(inputs: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"twice": inputs["vix"] * 2})

    with pytest.raises(ConfigError):
        opened(view, doubled).get_historical_features(moments, ["doubled:twice"])


def test_a_file_with_rows_of_another_symbol_is_refused(tmp_path, versions):
    store = Store.open(str(tmp_path))
    store.write(FEATURES_DAILY, versions[versions["symbol"] == "SPX"])
    file = tmp_path / "features_daily" / "symbol=SPX" / "year=2017" / "data.parquet"
    pq.read_table(file, partitioning=None).to_pandas().assign(symbol="000001").to_parquet(file)
    with pytest.raises(ContractError, match="SPX"):
        _joined(store.uri, pd.DataFrame({"symbol": ["SPX"], "event_timestamp": [END]}))
