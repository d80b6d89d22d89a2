"""Splits and dividends that a history does not explain, and moves that are real."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faulty_feed import AS_OF, NOW, UNIVERSE, Feed, truth
from tests.markets import as_curated
from volcast.core.errors import QualityError
from volcast.core.settings import Universe
from volcast.data.checks.market import judge_moves
from volcast.data.ingest import ingest
from volcast.data.sources import CsvFolderSource
from volcast.data.validate import validate
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY

PRICES = ["open", "high", "low", "close"]
FEW = settings(derandomize=True, database=None, deadline=None, max_examples=15)
SEEDS = st.integers(0, 5)
PLACES = st.integers(40, 300)
ALONE = Universe(target="SPY", iv="", iv_3m="", bond="", credit="")


def market(seed: int) -> dict[str, pd.DataFrame]:
    """The made-up market with an index that stays near 16 points and moves against the target."""
    frames = truth(seed)
    growth = np.log(frames["SPY"]["close"]).diff().fillna(0.0)
    points = np.round(16 * np.exp(-4 * growth), 2)
    return frames | {"VIX": frames["VIX"].assign(**dict.fromkeys(PRICES, points))}


FRAMES = {seed: market(seed) for seed in range(6)}
NOTHING = pd.DataFrame(columns=CURATED_MARKET_DAILY.schema.names)


def rows_of(frames: dict[str, pd.DataFrame], *symbols: str) -> pd.DataFrame:
    """Rows of the symbols as curated, without dividends; known at their close."""
    parts = [frames[name].assign(symbol=name, adjustment=1.0) for name in symbols]
    return pd.concat(parts, ignore_index=True).sort_values(["symbol", "session"], ignore_index=True)


def judged(rows: pd.DataFrame, universe: Universe = UNIVERSE) -> pd.DataFrame:
    """The target's judgement of a first publication, by number of the row."""
    moves = judge_moves(rows, NOTHING, universe)
    return moves[moves["symbol"] == "SPY"].reset_index(drop=True)


def planted(seed: int, at: int, factor: float) -> dict[str, pd.DataFrame]:
    """Prices before row ``at`` multiplied, and an index that is still in that session."""
    spy, vix = FRAMES[seed]["SPY"].copy(), FRAMES[seed]["VIX"].copy()
    spy.loc[: at - 1, PRICES] *= factor
    vix.loc[at:, PRICES] *= vix.loc[at - 1, "close"] / vix.loc[at, "close"]
    return FRAMES[seed] | {"SPY": spy, "VIX": vix}


@FEW
@given(SEEDS, PLACES, st.sampled_from([6 / 5, 4 / 3, 3 / 2, 2, 3, 4, 10, 0.1, 0.5]))
def test_a_split_without_a_record_is_torn_with_an_index_and_found_without(
    seed: int, at: int, factor: float
) -> None:
    frames = planted(seed, at, factor)
    together = judged(rows_of(frames, "SPY", "TLT", "VIX"))
    assert together.index[together["torn"]].tolist() == [at]
    for rows in (rows_of(frames, "SPY"), rows_of(frames, "SPY").assign(volume=np.nan)):
        alone = judged(rows, ALONE)
        # A day's own return may leave the smallest split below the least that stops.
        sure = abs(np.log(factor)) > 0.25
        assert alone.index[alone["torn"] | alone["doubtful"]].tolist() == [at]
        assert alone["torn"].any() or not sure


@FEW
@given(SEEDS, PLACES, st.floats(0.13, 0.4))
def test_a_dividend_without_a_record_is_torn_with_an_index_and_found_without(
    seed: int, at: int, share: float
) -> None:
    frames = planted(seed, at, 1 / (1 - share))
    together = judged(rows_of(frames, "SPY", "VIX"))
    assert together.index[together["torn"] | together["doubtful"]].tolist() == [at]
    assert together["torn"].any() or share < 0.17
    alone = judged(rows_of(frames, "SPY"), ALONE)
    assert alone.index[alone["torn"] | alone["doubtful"]].tolist() == [at]


@FEW
@given(SEEDS, PLACES, st.floats(1.08, 4.0))
def test_a_dividend_or_split_that_was_not_paid_is_torn(seed: int, at: int, paid: float) -> None:
    rows = rows_of(planted(seed, at, 1.0), "SPY", "VIX")
    rows.loc[at, "adjustment"] = paid
    moves = judged(rows)
    assert moves.index[moves["torn"] | moves["doubtful"]].tolist() == [at]
    assert moves["torn"].any() or paid < 1.25


def test_a_first_fetch_of_a_split_history_stops_without_an_index(store: Store) -> None:
    frame = FRAMES[3]["SPY"].copy()
    frame.loc[:159, [*PRICES, "adj_close"]] *= 4
    ingest(store, Feed({"SPY": frame}), ALONE, now=NOW, as_of=None)
    with pytest.raises(QualityError) as caught:
        validate(store, ALONE, AS_OF)
    assert caught.value.exit_code == 10
    assert f"{frame.loc[160, 'session']:%Y-%m-%d}" in str(caught.value)
    assert store.read(CURATED_MARKET_DAILY).num_rows == 0


def test_a_split_of_another_symbol_keeps_it_unpublished(store: Store) -> None:
    frame = FRAMES[3]["TLT"].copy()
    frame.loc[:159, [*PRICES, "adj_close"]] *= 2
    ingest(store, Feed(FRAMES[3] | {"TLT": frame}), UNIVERSE, now=NOW, as_of=None)
    report = validate(store, UNIVERSE, AS_OF)
    assert [w for w in report.warnings if w.startswith("others_torn 1")]
    symbols = store.read(CURATED_MARKET_DAILY).column("symbol").unique().to_pylist()
    assert (sorted(symbols), report.rows) == (["SPY", "VIX"], 640)


def crash(frames: dict[str, pd.DataFrame], by: float, **changes: float) -> dict[str, pd.DataFrame]:
    """The target's prices from row 200 on scaled, and its own bar there changed by factors."""
    spy = frames["SPY"].copy()
    spy.loc[200:, PRICES] *= by
    for name, factor in changes.items():
        spy.loc[200, name] *= factor
    return frames | {"SPY": spy}


REAL = {
    "earnings with volume": (crash(FRAMES[3], 0.74, volume=6), ALONE, True),
    "earnings while the index is still": (crash(FRAMES[3], 0.74, volume=6), UNIVERSE, True),
    "a take-over": (crash(FRAMES[3], 1.45, volume=30), ALONE, True),
    "a crash within the session": (
        crash(FRAMES[3] | {"SPY": FRAMES[3]["SPY"].assign(volume=0.0)}, 0.8, high=1.25),
        ALONE, True,
    ),
    "a fall of a tenth": (crash(FRAMES[3], 0.9, volume=3), ALONE, False),
}  # fmt: skip


@pytest.mark.parametrize(("frames", "universe", "named"), REAL.values(), ids=REAL)
def test_a_real_move_stops_nothing(
    frames: dict[str, pd.DataFrame], universe: Universe, named: bool
) -> None:
    moves = judged(rows_of(frames, *(frames if universe.iv else ["SPY"])), universe)
    assert not moves["torn"].any()
    assert moves.index[moves["doubtful"]].tolist() == ([200] if named else [])


def test_a_move_that_the_index_or_another_asset_shares_is_not_in_doubt() -> None:
    fallen = crash(FRAMES[3], 0.78)
    vix = fallen["VIX"].copy()
    vix.loc[200:, PRICES] *= 1.9
    assert not judged(rows_of(fallen | {"VIX": vix}, "SPY", "VIX"))[["torn", "doubtful"]].any(
        axis=None
    )
    bond = fallen["TLT"].copy()
    bond.loc[200:, PRICES] *= 0.93
    bond.loc[200, "volume"] *= 4
    shared = judged(rows_of(fallen | {"TLT": bond}, "SPY", "TLT"), ALONE)
    assert not shared[["torn", "doubtful"]].any(axis=None)


def test_two_histories_split_on_one_day_do_not_explain_each_other() -> None:
    fallen = crash(FRAMES[3], 0.5)
    bond = fallen["TLT"].copy()
    bond.loc[200:, PRICES] *= 0.5
    moves = judge_moves(rows_of(fallen | {"TLT": bond}, "SPY", "TLT"), NOTHING, ALONE)
    assert moves.loc[moves["torn"], "symbol"].tolist() == ["SPY", "TLT"]


def test_a_new_contradicted_move_of_a_published_history_stops_if_it_is_large() -> None:
    for factor, torn in ((1.11, False), (1.3, True)):
        rows = rows_of(planted(3, 200, factor), "SPY", "VIX")
        published = rows[rows["session"] < rows["session"].iloc[200]]
        moves = judge_moves(rows, published, UNIVERSE)
        assert moves.loc[[200], ["torn", "doubtful"]].to_numpy().tolist() == [[torn, not torn]]


def test_a_published_move_stops_nothing_and_is_named_if_it_looks_torn() -> None:
    rows = rows_of(planted(3, 200, 4), "SPY", "VIX")
    moves = judge_moves(rows, as_curated(rows.assign(source="csv")), UNIVERSE)
    assert not moves["torn"].any()
    assert moves.index[moves["doubtful"]].tolist() == [200]


@pytest.mark.slow
def test_real_histories_have_no_torn_move(shared_data: Path, store: Store) -> None:
    fetched = ingest(store, CsvFolderSource(shared_data), Universe(), now=NOW, as_of=None)
    validate(store, Universe(), fetched.as_of)
    rows = store.read(CURATED_MARKET_DAILY).to_pandas()
    counts = {}
    for label, some in (("index", rows), ("alone", rows[rows["symbol"] != "VIX"])):
        moves = judge_moves(some, NOTHING, Universe())
        counts[label] = [int(moves["torn"].sum()), int(moves["doubtful"].sum())]
    assert counts == {"index": [0, 0], "alone": [0, 2]}
