"""Ingestion: new rows, restated rows, and what is not taken."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from volcast.core import calendar
from volcast.core.errors import ContractError, NotFound, RequestError, StoreUnavailable
from volcast.core.settings import SAMPLE_UNIVERSE, Universe
from volcast.data.ingest import IngestReport, ingest
from volcast.data.sources import CsvFolderSource, Fetched, SampleSource
from volcast.data.sources.source import macro_series
from volcast.data.validate import validate
from volcast.features.build import build
from volcast.store import Store, WriteReport
from volcast.store.tables import RAW_MACRO, RAW_MARKET, Table

ALONE = Universe(target="AAA", iv="", iv_3m="", bond="", credit="")
NOW = datetime(2021, 12, 31, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
DAYS = calendar.sessions(date(2021, 11, 1), date(2021, 12, 31))


class Folder:
    """A folder that a test writes files to, and a store that they are ingested to."""

    def __init__(self, root: Path) -> None:
        self.path, self.store = root / "in", Store.open(str(root / "store"))
        (self.path / "market").mkdir(parents=True)
        (self.path / "macro").mkdir()
        self.prices = pd.DataFrame({"date": DAYS}).assign(
            open=10.0, high=12.0, low=9.0, close=11.0, adj_close=5.5, volume=100.0
        )

    def print(self, symbol: str = "AAA") -> None:
        self.prices.to_csv(self.path / "market" / f"{symbol}.csv", index=False)

    def print_macro(self, *lines: str, series: str = "M") -> None:
        (self.path / "macro" / f"{series}.csv").write_text("\n".join(lines) + "\n")

    def ingest(
        self, now: datetime = NOW, as_of: date | None = None, universe: Universe = ALONE
    ) -> IngestReport:
        return ingest(self.store, CsvFolderSource(self.path), universe, now=now, as_of=as_of)

    def rows(self) -> pd.DataFrame:
        rows: pd.DataFrame = self.store.read(RAW_MARKET).to_pandas()
        return rows

    def macro(self) -> pd.DataFrame:
        rows: pd.DataFrame = self.store.read(RAW_MACRO).to_pandas()
        return rows


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.print()
    return made


def files(store: Store) -> dict[str, bytes]:
    return {key: store.objects.get(key) for key in store.objects.list("")}


def test_the_same_again_writes_nothing(folder: Folder) -> None:
    folder.prices.loc[3, ["open", "volume"]] = float("nan")
    folder.print()
    folder.print_macro("date,value", "2021-10-01,1", "2021-11-01,2")
    report = folder.ingest()
    assert (report.added, report.restated, report.unchanged) == (len(DAYS), 0, 0)
    assert report.as_of == date(2021, 12, 31)
    assert set(folder.rows()["ingested_at"]) == {pd.Timestamp(NOW)}
    before = files(folder.store)
    report = folder.ingest(now=LATER)
    assert (report.added, report.restated, report.unchanged) == (0, 0, len(DAYS))
    assert (report.macro_added, report.macro_restated) == (0, 0)
    assert files(folder.store) == before


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_changed_value_is_a_new_row_next_to_the_old(folder: Folder, column: str) -> None:
    folder.ingest()
    folder.prices.loc[5, column] += 0.01
    folder.prices["adj_close"] = folder.prices["close"] / 2
    folder.print()
    assert folder.ingest(now=LATER).restated == 1
    versions = folder.rows().query("session == @DAYS[5]")
    assert versions["ingested_at"].tolist() == [pd.Timestamp(NOW), pd.Timestamp(LATER)]
    assert versions[column].diff().tolist()[1] == pytest.approx(0.01)
    assert folder.ingest(now=LATER + timedelta(days=1)).restated == 0


def test_a_later_dividend_restates_its_session_alone_and_a_new_scale_none(folder: Folder) -> None:
    folder.ingest()
    folder.prices["adj_close"] *= 0.9871
    folder.prices.loc[:4, "adj_close"] *= 0.99
    folder.print()
    assert folder.ingest(now=LATER).restated == 1
    restated = folder.rows().query("ingested_at == @LATER")
    assert restated["session"].tolist() == [DAYS[5]]
    assert restated["adjustment"].tolist() == [pytest.approx(1 / 0.99)]


def test_a_restatement_at_a_time_not_after_the_stored_row_is_refused(folder: Folder) -> None:
    folder.ingest()
    folder.prices.loc[5, "close"] = 11.5
    folder.print()
    with pytest.raises(ContractError, match="clock"):
        folder.ingest()


def test_rows_after_as_of_are_not_taken_and_come_later(folder: Folder) -> None:
    report = folder.ingest(as_of=DAYS[9])
    assert (report.as_of, report.added) == (DAYS[9], 10)
    assert folder.rows()["session"].max() == DAYS[9]
    assert folder.ingest(now=LATER).added == len(DAYS) - 10


def test_a_bar_before_its_close_is_dropped_and_counted(folder: Folder) -> None:
    noon = datetime(2021, 12, 31, 17, tzinfo=UTC)
    report = folder.ingest(now=noon)
    assert report.as_of == date(2021, 12, 30)
    assert report.dropped == {"session not closed yet": 1}
    assert folder.ingest(now=noon, as_of=date(2021, 12, 31)).added == 0


def test_an_off_calendar_row_goes_to_raw_as_it_is(folder: Folder) -> None:
    folder.prices.loc[3, "date"] = date(2021, 11, 6)
    folder.print()
    assert folder.ingest().added == len(DAYS)
    assert date(2021, 11, 6) in set(folder.rows()["session"])


@pytest.mark.parametrize("value", [float("nan"), 0.0, -5.5])
def test_rows_without_an_adjusted_close_are_counted_noted_and_warned_of(
    folder: Folder, value: float
) -> None:
    folder.prices["close"] += folder.prices.index % 7 / 10  # no bar repeats another
    folder.prices["adj_close"] = folder.prices["close"] / 2
    folder.prices.loc[[5, 9], "adj_close"] = value
    folder.print()
    report = folder.ingest()
    assert folder.rows().loc[[5, 9], "adjustment"].tolist() == [1.0, 1.0]
    notes = [note for note in report.notes if note.startswith("AAA: 2 rows")]
    assert [str(DAYS[5]) in note for note in notes] == [True]
    warnings = validate(folder.store, ALONE, report.as_of).warnings
    assert [w for w in warnings if "adjustment_missing" in w]


ODD_DAYS = [
    date(1, 1, 1),
    date(1021, 12, 30),
    date(1600, 5, 1),
    date(2199, 1, 4),
    date(9999, 12, 31),
]


@pytest.mark.parametrize("day", ODD_DAYS, ids=str)
@pytest.mark.parametrize("table", ["market", "macro"])
def test_a_date_that_no_source_has_is_refused_and_named_on_every_road(
    folder: Folder, day: date, table: str
) -> None:
    class Odd(CsvFolderSource):
        """Rows of another road: their dates were not read from a file."""

        def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
            return self._with_odd(super().market(symbols, first, last), "market", "session")

        def macro(self, first: date | None, last: date | None) -> Fetched:  # noqa: ARG002
            days = pd.Series([DAYS[0], DAYS[1], day]).astype("datetime64[us]")
            read = pd.DataFrame({"date": days if table == "macro" else days[:2], "value": 1.0})
            return macro_series(read, "M", "csv", first=None, last=None)

        def _with_odd(self, fetched: Fetched, name: str, column: str) -> Fetched:
            rows = fetched.rows.astype({column: "datetime64[us]"})
            if table == name:
                rows.loc[5, column] = np.datetime64(day, "us")
            return replace(fetched, rows=rows)

    with pytest.raises(ContractError, match=str(day)) as caught:
        ingest(folder.store, Odd(folder.path), ALONE, now=NOW, as_of=None)
    assert caught.value.exit_code == 10
    assert files(folder.store) == {}


@pytest.mark.parametrize(("series", "refused"), [("daily", True), ("quarterly", False)])
def test_a_macro_value_dated_after_tomorrow_is_refused_if_its_series_is_daily(
    folder: Folder, series: str, refused: bool
) -> None:
    future = (datetime.now(UTC) + timedelta(days=20)).date()
    days = [future - timedelta(days=n * (1 if refused else 91)) for n in range(3, 0, -1)]
    folder.print_macro("date,value", *(f"{day},1" for day in [*days, future]), series=series)
    if refused:
        with pytest.raises(ContractError):
            folder.ingest()
    else:
        assert folder.ingest().macro_added == 0


def test_odd_dates_that_an_earlier_version_stored_are_ignored(folder: Folder) -> None:
    folder.prices["close"] += folder.prices.index % 7 / 10
    folder.print()
    stamp = pd.Timestamp(NOW - timedelta(days=9))
    rows = folder.prices.head(1).drop(columns="date").assign(
        symbol="AAA", source="csv", ingested_at=stamp, adjustment=1.0
    )  # fmt: skip
    rows = pd.concat([rows.assign(session=day) for day in ODD_DAYS])
    folder.store.write(RAW_MARKET, RAW_MARKET.conform(rows))
    macro = pd.DataFrame({"observation_date": ODD_DAYS}).assign(
        series="DGS2", available_at=stamp, value=1.0, source="csv", lag_rule="", ingested_at=stamp
    )
    folder.store.write(RAW_MACRO, RAW_MACRO.conform(macro))
    report = folder.ingest()
    assert report.added == len(DAYS)
    assert validate(folder.store, ALONE, report.as_of).rows == len(DAYS)
    assert build(folder.store, ALONE, report.as_of).added == len(DAYS)


def test_a_failed_ingestion_stores_nothing(folder: Folder) -> None:
    with pytest.raises(NotFound, match=r"no row of ZZZ.*ZZZ\.csv"):
        folder.ingest(universe=Universe(target="ZZZ", iv="AAA", iv_3m="", bond="", credit=""))
    with pytest.raises(NotFound, match="no row of AAA"):
        folder.ingest(as_of=date(2021, 10, 1))
    with pytest.raises(RequestError):
        folder.ingest(as_of=date(2021, 12, 25))
    (folder.path / "market" / "BBB.csv").write_text("date,open\n2021-12-31,1\n")
    with pytest.raises(ContractError):
        folder.ingest(universe=Universe(target="AAA", iv="BBB", iv_3m="", bond="", credit=""))
    (folder.path / "market" / "BBB.csv").unlink()
    folder.print_macro("date,value", "2036-01-02,1")
    with pytest.raises(ContractError, match=r"M\.csv, row 2"):
        folder.ingest()
    assert files(folder.store) == {}


def test_a_revised_macro_value_counts_from_its_ingestion(folder: Folder) -> None:
    folder.print_macro("date,value", "2021-09-01,1", "2021-10-01,2")
    assert folder.ingest().macro_added == 2
    folder.print_macro("date,value", "2021-09-01,1.5", "2021-10-01,2.5")
    assert folder.ingest(now=LATER).macro_restated == 2
    stored = folder.macro()
    assert stored["value"].tolist() == [1.0, 1.5, 2.0, 2.5]
    assert stored["available_at"].tolist()[0] == pd.Timestamp("2021-11-15", tz="UTC")
    assert stored["available_at"].tolist()[1] == pd.Timestamp(LATER)
    assert stored["available_at"].tolist()[3] == pd.Timestamp(LATER)
    assert folder.ingest(now=LATER + timedelta(days=1)).macro_restated == 0


def test_a_revision_before_the_first_value_is_public_comes_right_after_it(folder: Folder) -> None:
    folder.print_macro("date,value", "2021-10-01,1", "2021-11-01,2")
    folder.ingest()
    folder.print_macro("date,value", "2021-10-01,1", "2021-11-01,2.5")
    folder.ingest(now=LATER)
    public = pd.Timestamp("2021-12-01", tz="UTC") + pd.Timedelta(days=45)
    assert folder.macro()["available_at"].tolist()[1:] == [public, public + pd.Timedelta("1us")]


def test_the_same_macro_values_on_another_day_are_no_new_rows(folder: Folder) -> None:
    folder.print_macro("vintage,date,value", "2021-11,2021-10-01,1", "2021-12,2021-10-01,2")
    folder.ingest()
    folder.print_macro("date,value", "2021-09-01,1", "2021-10-01,.", series="PLAIN")
    assert folder.ingest(now=LATER).macro_added == 1
    before = files(folder.store)
    report = folder.ingest(now=LATER + timedelta(days=1))
    assert (report.macro_added, report.macro_restated) == (0, 0)
    assert files(folder.store) == before


def test_a_vintage_that_changes_is_refused(folder: Folder) -> None:
    folder.print_macro("vintage,date,value", "2021-11,2021-10-01,1")
    folder.ingest()
    folder.print_macro("vintage,date,value", "2021-11,2021-10-01,1", "2021-12,2021-10-01,2")
    assert folder.ingest(now=LATER).macro_added == 1
    folder.print_macro("vintage,date,value", "2021-11,2021-10-01,7")
    with pytest.raises(ContractError, match="vintage never changes"):
        folder.ingest(now=LATER)


class Live(CsvFolderSource):
    """The same files as a live source, which records its requests."""

    live = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.requests: list[tuple[tuple[str, ...], date | None]] = []

    def market(self, symbols: Sequence[str], first: date | None, last: date | None) -> Fetched:
        self.requests.append((tuple(symbols), first))
        return super().market(symbols, first, last)


def test_of_a_live_source_recent_sessions_and_new_symbols_are_fetched(
    folder: Folder,
) -> None:
    live, both = Live(folder.path), ALONE.model_copy(update={"bond": "BBB"})
    ingest(folder.store, live, ALONE, now=NOW, as_of=None)
    folder.print("BBB")
    report = ingest(folder.store, live, both, now=LATER, as_of=None)
    recent = live.requests[1][1]
    assert live.requests == [(("AAA",), None), (("AAA",), recent), (("BBB",), None)]
    assert recent is not None
    assert 14 <= calendar.sessions_between(recent, DAYS[-1]) <= 16
    assert (report.added, report.restated) == (len(DAYS), 0)


def test_a_split_restates_the_whole_history_of_a_live_source(folder: Folder) -> None:
    live = Live(folder.path)
    ingest(folder.store, live, ALONE, now=NOW, as_of=None)
    for name in ("open", "high", "low", "close", "adj_close"):
        folder.prices[name] /= 4
    folder.print()
    report = ingest(folder.store, live, ALONE, now=LATER, as_of=None)
    assert report.restated == len(DAYS)
    assert live.requests[-1] == (("AAA",), None)


def test_a_live_source_counts_to_the_last_closed_session(folder: Folder) -> None:
    tuesday = datetime(2022, 1, 4, 15, tzinfo=UTC)
    report = ingest(folder.store, Live(folder.path), ALONE, now=tuesday, as_of=None)
    assert report.as_of == date(2022, 1, 3)


def test_the_sample_ends_with_its_target(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    report = ingest(store, SampleSource(), SAMPLE_UNIVERSE, now=NOW, as_of=None)
    assert (report.as_of, report.added) == (date(2018, 12, 31), 5031 + 1257)
    assert report.dropped == {"VIX: not a XNYS session": 46, "after as_of": 2}
    assert store.read(RAW_MACRO).num_rows == report.macro_added == 743


class Raced(Store):
    """A store into which another ingestion writes just before this one does."""

    other: Callable[[], object] | None

    def write(self, table: Table, rows: pa.Table | pd.DataFrame) -> WriteReport:
        other, self.__dict__["other"] = self.__dict__.get("other"), None
        if other is not None:
            other()
        return super().write(table, rows)


def race(folder: Folder, other: Callable[[], object]) -> IngestReport:
    store = Raced(folder.store.uri, folder.store.objects)
    store.__dict__["other"] = other
    source = CsvFolderSource(folder.path)
    return ingest(store, source, ALONE, now=NOW + timedelta(minutes=1), as_of=None)


def test_of_two_ingestions_at_once_of_the_same_values_the_second_adds_nothing(
    folder: Folder,
) -> None:
    folder.print_macro("date,value", "2021-10-01,1", "2021-11-01,2")
    before: dict[str, bytes] = {}
    report = race(folder, lambda: (folder.ingest(), before.update(files(folder.store))))
    assert (report.added, report.restated, report.unchanged) == (0, 0, len(DAYS))
    assert files(folder.store) == before
    assert folder.ingest(now=LATER).unchanged == len(DAYS)


def test_of_two_ingestions_at_once_of_other_values_the_second_stores_nothing_and_may_be_repeated(
    folder: Folder,
) -> None:
    def other() -> None:
        folder.print_macro("date,value", "2021-10-01,1", "2021-11-01,2")
        folder.prices = folder.prices.iloc[:-5]
        folder.print()
        folder.ingest()
        before.update(files(folder.store))

    before: dict[str, bytes] = {}
    folder.print_macro("date,value", "2021-10-01,9", "2021-11-01,2")
    with pytest.raises(StoreUnavailable) as caught:
        race(folder, other)
    assert caught.value.exit_code == 20
    assert files(folder.store) == before
    folder.print_macro("date,value", "2021-10-01,9", "2021-11-01,2")
    report = folder.ingest(now=LATER)
    assert (report.macro_added, report.macro_restated) == (0, 1)
