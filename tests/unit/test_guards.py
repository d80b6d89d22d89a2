"""What a store refuses to take in: nothing of it changes then."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from tests.faulty_feed import AS_OF, UNIVERSE, Feed, truth
from volcast.cli import main
from volcast.core import calendar
from volcast.core.errors import ConfigError, ContractError, StaleInput
from volcast.core.settings import SAMPLE_UNIVERSE, SYNTHETIC_UNIVERSE, Universe, read_settings
from volcast.data.guards import require_ingestible, require_reached
from volcast.data.ingest import ingest
from volcast.data.sources import CsvFolderSource, SampleSource, SyntheticSource
from volcast.data.sources.frames import FrameSource
from volcast.data.validate import validate
from volcast.features import labels
from volcast.features.build import build
from volcast.features.catalog import FEATURES_DAILY
from volcast.steps import data as steps
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, LABELS_DAILY
from volcast.store.universe import recall, universe_of

NOW = datetime(2024, 11, 29, 22, tzinfo=UTC)
ALONE = Universe(target="AAA", iv="", iv_3m="", bond="", credit="")


def files(store: Store) -> dict[str, bytes]:
    return {key: store.objects.get(key) for key in store.objects.list("")}


def volcast(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Return the exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["volcast", *arguments])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def csv_folder(root: Path, **frames: pd.DataFrame) -> Path:
    (root / "market").mkdir(parents=True)
    for symbol, frame in frames.items():
        columns = {"session": "date"}
        frame.rename(columns=columns).to_csv(root / "market" / f"{symbol}.csv", index=False)
    return root


def flat(days: Sequence[object]) -> pd.DataFrame:
    """Bars of these days, with a range."""
    prices = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "adj_close": 11.0}
    return pd.DataFrame({"session": list(days)}).assign(**prices, volume=1.0)


@pytest.fixture
def sample(tmp_path: Path) -> Store:
    store = Store.open(str(tmp_path / "sample"))
    ingest(store, SampleSource(), SAMPLE_UNIVERSE, now=NOW, as_of=None)
    return store


@pytest.mark.parametrize("command", [("run",), ("ingest",), ("run", "--pipeline", "evaluate")])
@pytest.mark.parametrize("source", ["synthetic", "csv", "yfinance"])
def test_no_command_mixes_another_market_into_the_store(
    sample, tmp_path, monkeypatch, capsys, command, source
):
    folder = csv_folder(tmp_path / "in", QQQ=flat(calendar.sessions(date(2020, 1, 1), AS_OF)))
    before = files(sample)
    options = ["--source", source, "--store", sample.uri, "--path", str(folder)]
    monkeypatch.setenv("COLUMNS", "500")
    assert volcast(monkeypatch, *command, *options) == 2
    assert "rows of sample" in capsys.readouterr().err
    assert files(sample) == before


def test_neither_the_step_nor_python_mixes_another_market_into_the_store(sample, tmp_path):
    before = files(sample)
    for universe in ("", SYNTHETIC_UNIVERSE.model_dump_json()):
        with pytest.raises(ConfigError, match="rows of sample"):
            steps.ingest(sample, "synthetic", "", "", universe)
    folder = csv_folder(tmp_path / "in", AAA=flat(calendar.sessions(date(2020, 1, 1), AS_OF)))
    for source, universe in (
        (SyntheticSource(), SYNTHETIC_UNIVERSE), (CsvFolderSource(folder), ALONE),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="rows of sample"):
            ingest(sample, source, universe, now=NOW, as_of=None, switch_target=True)
    assert files(sample) == before


def test_a_store_of_an_earlier_version_gets_the_9_day_index_and_keeps_its_target(store: Store):
    store.objects.put("universe.json", b'{"target": "SPY", "iv": "VIX", "other_indices": ["VVIX"]}')
    frames = truth()
    source = Feed(frames | {"VIX9D": frames["VIX"]})
    universe = universe_of(store, read_settings(source="yfinance"))
    require_ingestible(store, source, universe, as_of=None)
    ingest(store, source, universe, now=NOW, as_of=None)
    assert source.requests[0] == ("SPY", "VIX", "VIX3M", "TLT", "HYG", "VIX9D")
    assert recall(store) == universe
    assert b'"iv_9d": "VIX9D"' in store.objects.get("universe.json")


def test_a_csv_store_is_extended_by_yahoo(tmp_path: Path) -> None:
    frames = truth()
    older = {name: frame.iloc[:-1] for name, frame in frames.items()}
    store = Store.open(str(tmp_path / "store"))
    folder = CsvFolderSource(csv_folder(tmp_path / "in", **older))
    validate(store, UNIVERSE, ingest(store, folder, UNIVERSE, now=NOW, as_of=None).as_of)
    later = NOW + pd.Timedelta(hours=1)
    report = ingest(store, Feed(frames), UNIVERSE, now=later, as_of=None)
    validate(store, UNIVERSE, report.as_of)
    rows = store.read(CURATED_MARKET_DAILY, symbols=["SPY"]).to_pandas()
    assert (report.as_of, len(rows)) == (AS_OF, len(frames["SPY"]))
    assert set(rows["source"]) == {"yfinance"}


def test_another_target_needs_to_be_switched_to_and_is_then_the_stores(tmp_path, monkeypatch):
    days = calendar.sessions(date(2023, 1, 1), AS_OF)
    folder = csv_folder(tmp_path / "in", SPY=flat(days), QQQ=flat(days))
    store = Store.open(str(tmp_path / "store"))
    source = CsvFolderSource(folder)
    ingest(store, source, Universe(), now=NOW, as_of=None)
    before = files(store)
    options = ["--source", "csv", "--path", str(folder), "--store", store.uri, "--target", "QQQ"]
    assert volcast(monkeypatch, "ingest", *options) == 2
    with pytest.raises(ConfigError, match="SPY, which the store forecasts") as caught:
        ingest(store, source, Universe(target="QQQ"), now=NOW, as_of=None)
    assert (caught.value.exit_code, caught.value.field) == (2, "target")
    assert files(store) == before
    # The switch is made; what later stops the run is validation, of prices that never move.
    assert volcast(monkeypatch, "ingest", *options, "--switch-target") == 10
    assert recall(store).target == "QQQ"
    _, universe = steps.ingest(store, "csv", str(folder), "", "").values
    assert Universe.model_validate_json(universe).target == "QQQ"


def sessions_of(exchange: str) -> list[object]:
    return list(exchange_calendars.get_calendar(exchange).sessions_in_range("2020-01-01", AS_OF))


WEEKDAYS = pd.bdate_range("2020-01-01", AS_OF)


@pytest.mark.parametrize(
    "days",
    [
        lambda: sessions_of("XTKS"),
        lambda: sessions_of("XLON"),
        lambda: pd.date_range("2020-01-01", AS_OF),
        lambda: WEEKDAYS,
        lambda: WEEKDAYS[WEEKDAYS.weekday == 2],
        lambda: pd.date_range("2020-01-01", AS_OF, freq="MS"),
        lambda: sorted({*map(pd.Timestamp, sessions_of("XNYS"))} & {*sessions_of("XTKS")}),
    ],
    ids=["tokyo", "london", "crypto", "weekdays", "weekly", "monthly", "common"],
)
def test_a_market_of_another_calendar_is_refused(
    tmp_path: Path, days: Callable[[], Sequence[object]]
) -> None:
    store = Store.open(str(tmp_path / "store"))
    source = CsvFolderSource(csv_folder(tmp_path / "in", AAA=flat(days())))
    with pytest.raises(ContractError, match=r"AAA: \d+\.\d% of \d+ dates.*XNYS") as caught:
        ingest(store, source, ALONE, now=NOW, as_of=None)
    assert caught.value.exit_code == 10
    assert files(store) == {}


def test_a_symbol_to_evaluate_is_checked_and_a_companion_is_not(tmp_path: Path) -> None:
    new_york = flat(calendar.sessions(date(2020, 1, 1), AS_OF))
    crypto = flat(pd.date_range("2020-01-01", AS_OF))
    folder = csv_folder(tmp_path / "in", AAA=new_york, BTC=crypto)
    store = Store.open(str(tmp_path / "store"))
    with pytest.raises(ContractError, match="BTC"):
        ingest(store, CsvFolderSource(folder), ALONE, now=NOW, as_of=None, also=["BTC"])
    assert ingest(store, CsvFolderSource(folder), ALONE, now=NOW, as_of=None).added


def test_no_volatility_index_gets_features_labels_or_checks_of_an_asset(tmp_path: Path) -> None:
    frames = truth()
    closes = frames["VIX"][["session", "close"]]
    wild = closes.assign(close=np.where(np.arange(len(closes)) % 2, 90.0, 180.0))
    indices = dict.fromkeys(["^VXN", "OVX", "VVIX_History", "gvz", "MINE"], wild)
    folder = csv_folder(tmp_path / "in", **(frames | indices))
    universe = UNIVERSE.model_copy(update={"other_indices": ("MINE",)})
    store = Store.open(str(tmp_path / "store"))
    ingest(store, CsvFolderSource(folder), universe, now=NOW, as_of=None)
    assert not any(name in text for text in validate(store, universe, AS_OF).warnings
                   for name in indices)  # fmt: skip
    build(store, universe, AS_OF)
    labels.build(store, universe, AS_OF)
    curated = store.read(CURATED_MARKET_DAILY).to_pandas()
    assert set(curated["symbol"]) == {*frames, *indices}
    for table in (FEATURES_DAILY, LABELS_DAILY):
        assert set(store.read(table).to_pandas()["symbol"]) == {"SPY", "TLT"}


@pytest.mark.parametrize(
    ("universe", "also"),
    [(UNIVERSE, ["VIX"]), (UNIVERSE, ["^OVX"]), (Universe(target="VIX"), []),
     (Universe(target="MINE", other_indices=("MINE",)), [])],
)  # fmt: skip
def test_a_volatility_index_is_no_target_and_is_not_evaluated(
    store: Store, universe: Universe, also: list[str]
) -> None:
    source = Feed(truth())
    for attempt in (
        lambda: require_ingestible(store, source, universe, as_of=None, also=also),
        lambda: ingest(store, source, universe, now=NOW, as_of=None, also=also),
    ):
        with pytest.raises(ConfigError) as caught:
            attempt()
        assert caught.value.exit_code == 2
    assert source.requests == []
    assert files(store) == {}


def test_new_yorks_days_with_a_year_of_holes_and_a_few_holidays_are_taken(tmp_path: Path) -> None:
    days = calendar.sessions(date(2017, 1, 1), AS_OF)
    days = [day for day in days if day.year != 2019] + [date(2020, 12, 25), date(2021, 12, 24)]
    source = CsvFolderSource(csv_folder(tmp_path / "in", AAA=flat(sorted(days))))
    report = ingest(Store.open(str(tmp_path / "s")), source, ALONE, now=NOW, as_of=None)
    assert report.added == len(days)


def test_rows_before_the_calendar_starts_are_dropped_and_counted(tmp_path: Path) -> None:
    days = [pd.Timestamp("1789-05-01"), *pd.bdate_range("1979-11-01", "1979-12-31")]
    rows = flat([*days, *pd.to_datetime(calendar.sessions(calendar.FIRST, date(1980, 6, 30)))])
    source = CsvFolderSource(csv_folder(tmp_path / "in", AAA=rows))
    report = ingest(Store.open(str(tmp_path / "s")), source, ALONE, now=NOW, as_of=None)
    assert (report.added, sum(report.dropped.values())) == (len(rows) - len(days), len(days))


def test_a_session_after_the_end_of_an_archive_is_stale_and_names_its_last(tmp_path, monkeypatch):
    days = calendar.sessions(date(2023, 1, 1), date(2024, 1, 12))
    folder = CsvFolderSource(csv_folder(tmp_path / "in", AAA=flat(days)))
    frame = FrameSource("AAA", flat(days))
    for source, universe, last in (
        (SampleSource(), SAMPLE_UNIVERSE, "2018-12-31"),
        (folder, ALONE, "2024-01-12"),
        (frame, ALONE, "2024-01-12"),
    ):
        store = Store.open(str(tmp_path / "store"))
        with pytest.raises(StaleInput, match=f"up to {last}") as caught:
            ingest(store, source, universe, now=NOW, as_of=AS_OF)
        with pytest.raises(StaleInput, match=f"up to {last}"):
            require_reached(source, universe.target, AS_OF)
        assert (caught.value.exit_code, caught.value.field) == (40, "as_of")
        for command in ("run", "ingest"):
            assert volcast(monkeypatch, command, "--store", store.uri, "--as-of", str(AS_OF)) == 40
        assert files(store) == {}


def test_a_source_that_reaches_the_session_or_goes_on_is_not_stale(tmp_path: Path) -> None:
    days = calendar.sessions(date(2024, 1, 1), AS_OF)
    gap = CsvFolderSource(csv_folder(tmp_path / "in", AAA=flat([*days[:-2], days[-1]])))
    require_reached(gap, "AAA", days[-2])
    require_reached(SyntheticSource(), "SYN", AS_OF)
    require_reached(Feed(truth()), "SPY", date(2025, 1, 2))
