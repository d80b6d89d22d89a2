"""Checks of the market as a whole: each fires on what it is for, and on nothing sound."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.faulty_feed import AS_OF, BEFORE, NOW, UNIVERSE, Feed, truth
from volcast.core.errors import QualityError, StaleInput
from volcast.core.settings import SAMPLE_UNIVERSE, SYNTHETIC_UNIVERSE, Universe
from volcast.data.checks.history import restated
from volcast.data.checks.market import judge_moves
from volcast.data.checks.moves import contradicted, measure_moves
from volcast.data.curate import curate
from volcast.data.ingest import ingest
from volcast.data.sources import CsvFolderSource, SampleSource, SyntheticSource
from volcast.data.validate import validate
from volcast.features.audit import audit_features
from volcast.features.build import build
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_QUALITY, RAW_MACRO

TRUTH = truth()
LATER = datetime(2024, 11, 30, 12, tzinfo=UTC)
PRICES = ["open", "high", "low", "close"]
INDICES = UNIVERSE.model_copy(update={"iv_3m": "VIX3M", "iv_9d": "VIX9D"})


def rows_of(symbol: str) -> pd.DataFrame:
    """Rows of one symbol as curated, without dividends."""
    return TRUTH[symbol].assign(symbol=symbol, adjustment=1.0)


def quality(store: Store, session: date = AS_OF) -> pd.DataFrame:
    rows = store.read(MONITORING_QUALITY).to_pandas()
    return rows[rows["session"] == session].set_index(["suite", "check"])


def failing(store: Store, session: date = AS_OF) -> list[str]:
    rows = quality(store, session)
    return sorted(rows.index[~rows["passed"]].get_level_values("check"))


def changed(symbol: str, **columns: object) -> Feed:
    """The sound feed with the newest values of one symbol replaced."""
    frame = TRUTH[symbol].copy()
    for name, value in columns.items():
        frame.loc[len(frame) - 1, name] = value
    return Feed(TRUTH | {symbol: frame})


@pytest.fixture
def published(store: Store) -> Store:
    """The sound feed, published up to the session before."""
    ingest(store, Feed(TRUTH), UNIVERSE, now=datetime(2024, 11, 27, 22, tzinfo=UTC), as_of=None)
    validate(store, UNIVERSE, BEFORE)
    assert failing(store, BEFORE) == []
    return store


def after(store: Store, feed: Feed) -> list[str]:
    ingest(store, feed, UNIVERSE, now=NOW, as_of=None)
    return validate(store, UNIVERSE, AS_OF).warnings


def test_every_check_leaves_a_row_and_a_repeated_run_writes_them_again(published: Store) -> None:
    after(published, Feed(TRUTH))
    rows = published.read(MONITORING_QUALITY)
    of_day = quality(published)
    assert len(of_day) == validate(published, UNIVERSE, AS_OF).checks
    assert of_day["passed"].all()
    for key in published.objects.list(f"{MONITORING_QUALITY.name}/"):
        published.objects.delete(key)
    validate(published, UNIVERSE, AS_OF)
    assert published.read(MONITORING_QUALITY).num_rows == len(of_day)
    assert rows.num_rows == 2 * len(of_day)


def test_a_stopped_run_leaves_its_rows_and_its_page(published: Store, tmp_path: Path) -> None:
    ingest(published, changed("SPY", close=np.nan), UNIVERSE, now=NOW, as_of=None)
    with pytest.raises(QualityError, match="newest_broken 1"):
        validate(published, UNIVERSE, AS_OF, tmp_path / "page.html")
    assert "close of assets" in (tmp_path / "page.html").read_text()
    assert failing(published) == ["close_missing", "newest_broken"]
    row = quality(published).loc[("raw", "close_missing")]
    assert (row["severity"], row["failed"]) == ("warning", 1)
    assert row["detail"].startswith("SPY 2024-11-29")


def test_a_session_that_is_not_there_yet_is_stale_and_nothing_worse(published: Store) -> None:
    with pytest.raises(StaleInput, match="SPY up to 2024-11-27"):
        validate(published, UNIVERSE, AS_OF)
    assert failing(published) == ["others_behind", "sessions_behind"]


def test_companions_that_are_behind_or_lack_sessions_are_warned_of(store: Store) -> None:
    short = TRUTH | {
        "VIX": TRUTH["VIX"].iloc[:-2], "TLT": TRUTH["TLT"].drop(index=[300, 304, 305])
    }  # fmt: skip
    ingest(store, Feed(short), UNIVERSE, now=NOW, as_of=None)
    validate(store, UNIVERSE, AS_OF)
    rows = quality(store)
    assert rows.loc[("raw", "others_behind"), ["found", "detail"]].tolist() == [2, "VIX by 2"]
    assert rows.loc[("curated", "others_missing_sessions"), "detail"] == "TLT by 3"
    assert failing(store) == ["others_behind", "others_missing_sessions"]


def test_a_newest_move_that_the_index_contradicts_stops_the_run(store: Store) -> None:
    frame = TRUTH["SPY"].copy()
    frame.loc[len(frame) - 1, [*PRICES, "adj_close"]] *= 0.88
    vix = TRUTH["VIX"].copy()
    vix.loc[len(vix) - 1, PRICES] = vix.loc[len(vix) - 2, PRICES].to_numpy(dtype=float) + 0.01
    ingest(store, Feed(TRUTH | {"SPY": frame, "VIX": vix}), UNIVERSE, now=NOW, as_of=None)
    with pytest.raises(QualityError, match=r"newest_contradicted 1 .*2024-11-29 moves"):
        validate(store, UNIVERSE, AS_OF)
    assert "move_contradicted" in failing(store)
    vix.loc[len(vix) - 1, PRICES] *= 1.4
    other = Store.open(f"{store.uri}-confirmed")
    ingest(other, Feed(TRUTH | {"SPY": frame, "VIX": vix}), UNIVERSE, now=NOW, as_of=None)
    assert validate(other, UNIVERSE, AS_OF).warnings == []


def frozen(count: int, **changes: float) -> pd.DataFrame:
    """The target with the last rows flat at the close before them."""
    frame = TRUTH["SPY"].copy()
    last = frame.loc[len(frame) - 1 - count, "close"]
    frame.loc[len(frame) - count :, [*PRICES, "adj_close"]] = last
    frame.loc[len(frame) - count :, "volume"] = 0.0
    return frame.assign(
        **{name: frame[name].mask(frame.index == 319, changes[name]) for name in changes}
    )


def again(volume: float) -> pd.DataFrame:
    """The target with its last but one bar once more, of another volume."""
    frame = TRUTH["SPY"].copy()
    frame.loc[319, [*PRICES, "adj_close"]] = frame.loc[318, [*PRICES, "adj_close"]]
    return frame.assign(volume=frame["volume"].mask(frame.index == 319, volume))


STALE = {
    "one": frozen(1), "three": frozen(3), "with volume": frozen(1, volume=1e6),
    "another price": frozen(1, **dict.fromkeys(PRICES, 401.0)),
    "the last bar with another volume": again(5.0), "without one": again(np.nan),
}  # fmt: skip


@pytest.mark.parametrize("frame", STALE.values(), ids=STALE)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_frozen_newest_bar_stops_the_run(store: Store, frame: pd.DataFrame, fresh: bool) -> None:
    if not fresh:
        ingest(store, Feed(TRUTH), UNIVERSE, now=datetime(2024, 11, 25, 22, tzinfo=UTC), as_of=None)
        validate(store, UNIVERSE, date(2024, 11, 25))
    ingest(store, Feed(TRUTH | {"SPY": frame}), UNIVERSE, now=NOW, as_of=None)
    with pytest.raises(QualityError, match="newest_stale 1") as caught:
        validate(store, UNIVERSE, AS_OF)
    assert caught.value.exit_code == 10
    assert store.read(CURATED_MARKET_DAILY, first=AS_OF).num_rows == 0


def test_frozen_bars_before_the_newest_are_named_and_a_history_of_closes_is_not(
    store: Store,
) -> None:
    frame = frozen(3)
    frame.loc[319] = TRUTH["SPY"].loc[319]
    ingest(store, Feed(TRUTH | {"SPY": frame}), UNIVERSE, now=NOW, as_of=None)
    validate(store, UNIVERSE, AS_OF)
    assert quality(store).loc[("curated", "stale_repeat"), "failed"] == 2
    closes = TRUTH["SPY"].assign(**{name: TRUTH["SPY"]["close"] for name in PRICES})
    other = Store.open(f"{store.uri}-closes")
    ingest(other, Feed(TRUTH | {"SPY": closes}), UNIVERSE, now=NOW, as_of=None)
    assert validate(other, UNIVERSE, AS_OF).warnings == []


@pytest.mark.parametrize("symbol", ["VIX", "VIX3M", "VIX9D"])
@pytest.mark.parametrize(("count", "warned"), [(2, False), (3, True)])
def test_an_index_that_stays_at_one_close_is_warned_of(
    store: Store, symbol: str, count: int, warned: bool
) -> None:
    index = TRUTH["VIX"].copy()
    index.loc[len(index) - count :, PRICES] = index.loc[len(index) - count, "close"]
    ingest(store, Feed(TRUTH | {symbol: index}), INDICES, now=NOW, as_of=None)
    warnings = validate(store, INDICES, AS_OF).warnings
    assert ("index_still" in failing(store)) == warned
    assert any(symbol in warning for warning in warnings) == warned


@pytest.mark.parametrize("behind", [0, 1, 40])
def test_an_optional_index_that_ends_or_is_absent_is_named_and_stops_nothing(
    store: Store, behind: int
) -> None:
    frames = {"VIX9D": TRUTH["VIX"].iloc[:-behind]} if behind else {}
    ingest(store, Feed(TRUTH | frames), INDICES, now=NOW, as_of=None)
    warnings = validate(store, INDICES, AS_OF).warnings
    assert any("VIX9D" in warning for warning in warnings) == bool(behind)
    assert failing(store) == (["others_behind"] if behind else [])


def test_no_real_row_of_the_9_day_index_is_refused_or_flagged(shared_data: Path) -> None:
    raw = CsvFolderSource(shared_data).market(["VIX9D"], None, None).rows
    curated = curate(raw.assign(ingested_at=LATER), Universe(), date(2021, 12, 31))
    assert len(curated.rows) == len(raw) > 2700
    assert not curated.rows["flags"].map(len).any()
    assert curated.quarantined.empty


def test_the_measure_of_a_move_is_in_implied_or_own_deviations() -> None:
    target, index = rows_of("SPY"), rows_of("VIX")
    measured = contradicted(measure_moves(pd.concat([target, index]), UNIVERSE))
    close, points = target["close"].to_numpy(), index["close"].to_numpy()
    returns = np.log(close[1:] / close[:-1])
    for at in (100, 200, 318):
        still = abs(np.log(points[at + 1] / points[at])) < 0.1
        own = returns[at - 66 : at].std(ddof=1)
        scale = max(points[at] / 100 / np.sqrt(252), own)
        expected = abs(returns[at]) / scale if still else np.nan
        assert measured.iloc[at + 1] == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_an_index_that_does_not_follow_the_symbol_contradicts_nothing() -> None:
    index = rows_of("VIX").assign(close=TRUTH["VIX"]["close"].to_numpy()[::-1])
    rows = pd.concat([rows_of("SPY"), index])
    assert contradicted(measure_moves(rows, UNIVERSE)).isna().all()


def test_a_split_of_the_whole_history_passes_and_one_of_half_of_it_stops(store: Store) -> None:
    now = rows_of("SPY")
    whole = now.assign(**{name: now[name] / 4 for name in PRICES})
    assert restated(whole, now).value == 0
    assert not judge_moves(whole, now, UNIVERSE)["torn"].any()
    half = now.copy()
    half.loc[:159, PRICES] /= 4
    judged = judge_moves(half, now, UNIVERSE)
    assert judged.loc[judged["torn"], "session"].tolist() == [now.loc[160, "session"]]
    assert judged["growth"].abs().max() == pytest.approx(np.log(4), abs=0.05)


def test_another_instrument_under_the_same_name_stops_the_run(published: Store) -> None:
    other = truth(seed=11)["SPY"]
    with pytest.raises(QualityError, match="history_restated"):
        after(published, Feed(TRUTH | {"SPY": other}))
    assert published.read(CURATED_MARKET_DAILY, first=AS_OF).num_rows == 0


@pytest.mark.parametrize(
    ("column", "first", "factor", "least"), [("adj_close", 0, 0.996, 0), ("high", -16, 1.002, 0.04)]
)
def test_a_new_scale_or_fifteen_corrected_bars_stop_nothing(
    published: Store, column: str, first: int, factor: float, least: float
) -> None:
    frame = TRUTH["SPY"].copy()
    frame.loc[frame.index[first] :, column] *= factor
    assert after(published, Feed(TRUTH | {"SPY": frame})) == []
    share = quality(published).loc[("curated", "history_restated"), "found"]
    assert least <= share < (0.1 if least else 1e-9)


def test_a_companion_whose_history_would_tear_stays_as_published(published: Store) -> None:
    before = published.read(CURATED_MARKET_DAILY, symbols=["TLT"])
    frame = TRUTH["TLT"].copy()
    frame.loc[len(frame) - 5 :, [*PRICES, "adj_close"]] /= 3
    warnings = after(published, Feed(TRUTH | {"TLT": frame}))
    assert any(warning.startswith("others_torn 1") for warning in warnings)
    assert published.read(CURATED_MARKET_DAILY, symbols=["TLT"]).equals(before)
    assert published.read(CURATED_MARKET_DAILY, symbols=["SPY"], first=AS_OF).num_rows == 1


def macro(days: pd.Series, values: pd.Series, lag_days: int = 1) -> pd.DataFrame:
    moments = pd.DatetimeIndex(days).tz_localize("UTC") + pd.Timedelta(days=lag_days)
    return pd.DataFrame(
        {
            "series": "VIXCLS", "observation_date": pd.DatetimeIndex(days),
            "available_at": moments, "value": values.to_numpy(), "source": "csv",
            "lag_rule": "assumed", "ingested_at": pd.Timestamp("2024-11-29T22:00Z"),
        }
    )  # fmt: skip


@pytest.mark.parametrize(("off", "fires"), [(0.0, 0), (0.02, 0), (0.03, 3)])
def test_an_index_is_compared_with_its_second_source(
    published: Store, off: float, fires: int
) -> None:
    days, values = TRUTH["VIX"]["session"], TRUTH["VIX"]["close"].copy()
    values.iloc[-6:-3] += off - 1e-9 * (off > 0)
    published.write(RAW_MACRO, macro(days, values))
    warned = [w for w in after(published, Feed(TRUTH)) if "second_source" in w]
    assert len(warned) == (fires > 0)
    assert quality(published).loc[("raw", "second_source_differs"), "found"] == fires


def test_what_the_second_source_had_not_published_is_ignored(published: Store) -> None:
    days, values = TRUTH["VIX"]["session"], TRUTH["VIX"]["close"] + 1.0
    published.write(RAW_MACRO, macro(days[-3:], values[-3:], lag_days=10))
    assert after(published, Feed(TRUTH)) == []


def test_a_page_of_the_checks_names_no_folder(published: Store, tmp_path: Path) -> None:
    ingest(published, Feed(TRUTH), UNIVERSE, now=NOW, as_of=None)
    first, again = tmp_path / "first.html", tmp_path / "again.html"
    validate(published, UNIVERSE, AS_OF, first)
    validate(published, UNIVERSE, AS_OF, again)
    full, short = first.read_text(), again.read_text()
    assert "high over low" in full
    assert "unchanged since" in short
    assert "history_torn" in short
    for page in (full, short):
        assert str(tmp_path) not in page
        assert str(Path.home()) not in page


@pytest.mark.parametrize(
    ("source", "universe"),
    [(SampleSource(), SAMPLE_UNIVERSE), (SyntheticSource(years=6), SYNTHETIC_UNIVERSE)],
    ids=["sample", "synthetic"],
)
def test_example_markets_raise_no_warning(store: Store, source, universe: Universe) -> None:
    report = ingest(store, source, universe, now=LATER, as_of=None)
    assert validate(store, universe, report.as_of).warnings == []
    assert failing(store, report.as_of) == []


@pytest.mark.slow
def test_real_histories_raise_no_warning_and_their_second_source_agrees(
    store: Store, shared_data: Path
) -> None:
    fetched = ingest(store, CsvFolderSource(shared_data), Universe(), now=LATER, as_of=None)
    report = validate(store, Universe(), fetched.as_of)
    assert report.quarantined == 0
    assert [warning.partition(" rows")[0] for warning in report.warnings] == [
        f"price_reverted: 5 of {report.rows}"
    ]
    assert report.rows == fetched.added - sum(report.dropped.values())
    published = store.read(CURATED_MARKET_DAILY, symbols=Universe().symbols).to_pandas()
    flagged = published.explode("flags").groupby(["symbol", "flags"]).size()
    assert flagged.to_dict() == {("VIX", "open_outside_range"): 47}
    rows = quality(store, fetched.as_of)
    assert failing(store, fetched.as_of) == ["price_reverted"]
    build(store, Universe(), fetched.as_of)
    assert audit_features(store, Universe(), fetched.as_of).warnings == []
    assert rows.loc[("raw", "second_source_differs"), ["checked", "found"]].tolist() == [1, 0]
