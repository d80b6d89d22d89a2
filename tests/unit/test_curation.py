"""Curation: versions, calendar, adjustments and flags, on rows made by hand."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from volcast.core.settings import Universe
from volcast.data.curate import Curated, curate
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_QUARANTINE

UNIVERSE = Universe()
MON, TUE, WED = date(2021, 3, 1), date(2021, 3, 2), date(2021, 3, 3)
LATER, STILL_LATER = "2021-03-10T12:00Z", "2021-03-11T12:00Z"


def row(symbol: str = "SPY", session: date = MON, **changes: object) -> dict[str, object]:
    base = {
        "symbol": symbol, "session": session, "source": "csv", "ingested_at": "2021-03-05T12:00Z",
        "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.5, "adj_close": 90.0,
        "adjustment": 1.0, "volume": 1e6 + session.day,
    }  # fmt: skip
    return base | changes


def vix(session: date = MON, **changes: object) -> dict[str, object]:
    return row("VIX", session, open=20.0, high=22.0, low=19.0, close=21.0) | changes


def curated(*rows: dict[str, object], as_of: date = WED) -> Curated:
    raw = pd.DataFrame(list(rows))
    return curate(raw, UNIVERSE, as_of)


def only(result: Curated) -> "pd.Series[object]":
    assert len(result.rows) == 1
    return result.rows.iloc[0]


def new_york_close(day: date, hour: int = 16) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo("America/New_York"))


def test_what_comes_out_fits_the_contracts_whatever_the_order_of_the_rows() -> None:
    rows = [row(session=TUE), vix(TUE), row(), row("TLT", low=120.0), vix()]
    one, other = curated(*rows), curated(*reversed(rows))
    table = CURATED_MARKET_DAILY.conform(one.rows)
    assert table.equals(CURATED_MARKET_DAILY.conform(other.rows))
    assert [*zip(one.rows["symbol"], one.rows["session"].dt.date, strict=True)] == [
        ("SPY", MON), ("SPY", TUE), ("VIX", MON), ("VIX", TUE),
    ]  # fmt: skip
    assert len(MONITORING_QUARANTINE.conform(one.quarantined)) == len(one.quarantined) > 0


def test_the_first_version_of_a_row_is_known_at_the_close_of_its_session() -> None:
    half_day = date(2021, 11, 26)
    result = curated(row(), row(session=half_day), as_of=half_day)
    assert list(result.rows["known_at"]) == [new_york_close(MON), new_york_close(half_day, 13)]


VERSIONS = {
    "a restated price": ([row(), row(close=100.7, ingested_at=LATER)], {"close": 100.7}, LATER),
    "a restated volume": ([row(), row(volume=2e6, ingested_at=LATER)], {"volume": 2e6}, None),
    "the last change of a price": (
        [row(), row(adjustment=1.01, ingested_at=LATER),
         row(adjustment=1.01, ingested_at=STILL_LATER, volume=5.0)],
        {"adjustment": 1.01, "volume": 5.0}, LATER,
    ),
    "a broken restatement": ([row(), row(low=150.0, ingested_at=LATER)], {"low": 99.0}, None),
    "the correction of a broken first version": (
        [row(close=-1.0), row(ingested_at=LATER)], {"close": 100.5}, LATER,
    ),
    "a broken version between": (
        [row(), row(close=None, ingested_at=LATER), row(ingested_at=STILL_LATER)], {}, None,
    ),
    "no adjustment": ([row(adjustment=None)], {"adjustment": 1.0}, None),
    "no adjustment in a later fetch": (
        [row(adjustment=1.004), row(adjustment=None, ingested_at=LATER)],
        {"adjustment": 1.004}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "values", "known_at"), VERSIONS.values(), ids=VERSIONS)
def test_the_version_in_use_is_known_since_its_prices_were(
    rows: list[dict[str, object]], values: dict[str, float], known_at: str | None
) -> None:
    chosen = only(curated(*rows))
    assert chosen[list(values)].to_dict() == values
    assert list(chosen["flags"]) == (["restated"] if known_at else [])
    assert chosen["known_at"] == (pd.Timestamp(known_at) if known_at else new_york_close(MON))


def test_a_broken_version_alone_is_quarantined() -> None:
    result = curated(row(), row(low=150.0, ingested_at=LATER))
    assert set(result.quarantined["ingested_at"]) == {pd.Timestamp(LATER)}


def test_rows_after_as_of_are_ignored() -> None:
    result = curated(row(), row(session=TUE, close=-1.0), as_of=MON)
    assert only(result)["session"].date() == MON
    assert result.quarantined.empty
    assert result.dropped == {}


def test_prints_of_other_symbols_on_holidays_are_dropped_and_counted() -> None:
    labor_day, weekend = date(2021, 9, 6), date(2021, 9, 4)
    days = [vix(labor_day), vix(weekend, close=None), row("TLT", labor_day), vix(date(2021, 9, 7))]
    result = curated(*days, as_of=date(2021, 9, 10))
    assert result.dropped == {"TLT off_calendar": 1, "VIX off_calendar": 2}
    assert only(result)["session"].date() == date(2021, 9, 7)
    assert result.quarantined.empty


def test_a_row_of_the_target_on_a_holiday_is_quarantined() -> None:
    result = curated(row(), row(session=date(2021, 2, 15)))
    assert list(result.quarantined["reason"]) == ["off_calendar"]
    assert only(result)["session"].date() == MON


def test_the_same_row_twice_in_one_version_counts_once() -> None:
    result = curated(row(), row())
    assert only(result)["close"] == 100.5
    assert (result.dropped, len(result.quarantined)) == ({"SPY repeated": 1}, 0)


def test_two_rows_of_one_version_that_disagree_are_both_quarantined() -> None:
    result = curated(row(), row(close=100.6, source="yfinance"), row(session=TUE))
    assert only(result)["session"].date() == TUE
    assert list(result.quarantined["reason"]) == ["contradicting_repeat"] * 2


@pytest.mark.parametrize(
    ("print_", "prices", "flags"),
    [
        ({"open": None, "high": 0.0, "low": float("inf")}, [21.0] * 4, ["range_filled"]),
        (
            {"open": 25.0, "close": 18.0}, [25.0, 22.0, 19.0, 18.0],
            ["close_outside_range", "open_outside_range"],
        ),
    ],
)  # fmt: skip
def test_an_index_that_lacks_or_contradicts_its_range_is_used_and_flagged(
    print_: dict[str, object], prices: list[float], flags: list[str]
) -> None:
    chosen = only(curated(vix(**print_)))
    assert [chosen[name] for name in ("open", "high", "low", "close")] == prices
    assert list(chosen["flags"]) == flags


def test_a_row_without_an_adjustment_is_flagged_unless_it_is_the_first() -> None:
    later = row(session=WED, adjustment=None, close=100.6, ingested_at=LATER)
    rows = [row(adjustment=None), row(session=TUE, adjustment=None, close=100.7)]
    result = curated(
        *rows, row(session=WED, close=100.6), later, vix(), vix(TUE, adjustment=None, close=20.0)
    )
    assert [list(flags) for flags in result.rows["flags"][:3]] == [[], ["adjustment_missing"], []]
    assert not any(list(flags) for flags in result.rows["flags"][3:])


def test_a_bar_of_the_last_ones_prices_is_flagged() -> None:
    result = curated(row(), row(session=TUE), vix(), vix(TUE))
    assert [list(flags) for flags in result.rows["flags"]] == [[], ["stale_repeat"]] * 2


@pytest.mark.parametrize(("open_", "flags"), [(99.0, ["stale_repeat"]), (100.5, [])])
def test_a_bar_without_a_range_at_the_last_close_is_flagged_where_bars_have_one(
    open_: float, flags: list[str]
) -> None:
    before = row(open=open_, high=100.5, low=open_)
    flat = row(session=TUE, open=100.5, high=100.5, low=100.5, volume=0.0)
    assert [list(flags) for flags in curated(before, flat).rows["flags"]] == [[], flags]


def test_a_bar_that_is_the_last_one_volume_and_all_is_quarantined() -> None:
    same = {"volume": 1e6}
    rows = [row(**same), row(session=TUE, **same), row(session=WED)]
    result = curated(*rows, vix(**same), vix(TUE, **same))
    assert list(result.rows["session"].dt.day) == [1, 3, 1]
    assert set(result.quarantined["reason"]) == {"bar_repeated"}


def test_a_bar_without_a_range_may_be_the_last_one_again() -> None:
    flat = dict.fromkeys(("open", "high", "low", "close", "volume"), 21.0)
    assert len(curated(vix(**flat), vix(TUE, **flat)).rows) == 2


def test_a_bar_is_compared_with_the_one_before_as_it_was_when_fetched() -> None:
    same, later = {"volume": 1e6}, {"volume": 1e6, "ingested_at": "2021-03-06T12:00Z"}
    rows = [row(**same), row(session=TUE, **same)]
    restated = curated(*rows, row(close=100.7, **later))
    assert list(restated.quarantined["reason"]) == ["bar_repeated"]
    corrected = curated(*rows, row(session=TUE, close=100.6, **later))
    assert list(corrected.rows["close"]) == [100.5, 100.6]


@pytest.mark.parametrize(
    ("factor", "adjustment", "flags"),
    [(1.6, 1, []), (1.7, 1, ["suspicious_jump"]), (0.6, 1, ["suspicious_jump"]), (0.5, 2, [])],
)
def test_a_jump_beyond_half_in_logs_is_flagged_unless_a_split_explains_it(
    factor: float, adjustment: float, flags: list[str]
) -> None:
    moved = {name: factor * row()[name] for name in ("open", "high", "low", "close")}
    result = curated(row(), row(session=TUE, adjustment=adjustment, **moved), row("TLT", WED))
    assert [list(flags) for flags in result.rows["flags"]] == [[], flags, []]


def test_no_rows_give_no_rows() -> None:
    empty = curate(pd.DataFrame([row()]).iloc[:0], UNIVERSE, WED)
    assert len(CURATED_MARKET_DAILY.conform(empty.rows)) == 0
    assert (len(empty.quarantined), empty.dropped) == (0, {})
