"""Macro features: published by then or absent, and never changed by later rows."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from tests.markets import UNIVERSE
from volcast.core import calendar
from volcast.data.curate import curate
from volcast.data.ingest import ingest
from volcast.data.sources import Fetched, SyntheticSource
from volcast.data.sources.publication_lag import VINTAGE
from volcast.data.sources.source import MACRO_COLUMNS
from volcast.features import labels
from volcast.features.build import build
from volcast.features.catalog import FEATURES_DAILY, names
from volcast.features.macro import macro_features
from volcast.features.point_in_time import labelled_features
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, RAW_MACRO, RAW_MARKET

FIRST_FETCH = datetime(2003, 1, 2, 22, tzinfo=UTC)
AS_OF = date(2002, 12, 31)
LAGS = {"CPIAUCSL": 45, "UNRATE": 37, "ICSA": 5, "DGS10": 1, "DGS2": 1, "INDPRO": 46}


def stamp(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def published(series: str, dates: Sequence[pd.Timestamp], seed: int = 1) -> pd.DataFrame:
    """A series printed once, each value so many days after its date."""
    walk = np.random.default_rng([seed, *series.encode()]).normal(0, 0.01, len(dates))
    values = np.exp(np.cumsum(walk)) * 5
    at = pd.DatetimeIndex(dates).tz_localize("UTC") + pd.Timedelta(days=LAGS[series])
    return pd.DataFrame(
        {
            "series": series, "observation_date": pd.DatetimeIndex(dates), "available_at": at,
            "value": values, "source": "test", "lag_rule": VINTAGE,
        }
    )  # fmt: skip


def history() -> pd.DataFrame:
    months = pd.date_range("1999-01-01", "2002-12-01", freq="MS")
    weeks = pd.date_range("1999-01-02", "2002-12-28", freq="7D")
    days = pd.date_range("1999-01-04", "2002-12-31", freq="B")
    spans = {"CPIAUCSL": months, "UNRATE": months, "INDPRO": months, "ICSA": weeks}
    spans |= {"DGS10": days, "DGS2": days}
    return pd.concat([published(s, list(d)) for s, d in spans.items()], ignore_index=True)


class WithMacro(SyntheticSource):
    """The made-up market with macro rows."""

    def __init__(self, rows: pd.DataFrame) -> None:
        super().__init__(years=3)
        self.rows = rows

    def macro(self, first: date | None, last: date | None) -> Fetched:  # noqa: ARG002
        return Fetched(self.rows[MACRO_COLUMNS])


def run(store: Store, rows: pd.DataFrame, now: datetime) -> None:
    ingest(store, WithMacro(rows), UNIVERSE, now=now, as_of=AS_OF)
    raw = store.read(RAW_MARKET).to_pandas(date_as_object=False)
    store.write(CURATED_MARKET_DAILY, curate(raw, UNIVERSE, AS_OF).rows)
    build(store, UNIVERSE, AS_OF)
    labels.build(store, UNIVERSE, AS_OF)


def training_set(store: Store, as_of: date) -> pd.DataFrame:
    return labelled_features(store, UNIVERSE.target, as_of)


def stamped(rows: pd.DataFrame, at: datetime = FIRST_FETCH) -> pd.DataFrame:
    return RAW_MACRO.conform(rows.assign(ingested_at=pd.Timestamp(at))).to_pandas(
        date_as_object=False
    )


def at(raw: pd.DataFrame, *moments: str) -> pd.DataFrame:
    return macro_features(raw, pd.DatetimeIndex([stamp(moment) for moment in moments]))


def test_revisions_and_late_corrections_leave_the_training_set_of_the_day_as_it_was(store):
    whole = history()
    run(store, whole, FIRST_FETCH)
    then = training_set(store, AS_OF)
    assert then[["inflation_12m", "unemployment", "term_spread"]].iloc[300:].notna().all(axis=None)
    rng = np.random.default_rng(3)
    planted = whole.iloc[rng.choice(len(whole), 50, replace=False)].copy()
    planted["value"] *= rng.uniform(0.8, 1.2, 50)
    # Half are revisions published after the first fetch, half corrections dated before it.
    planted["available_at"] += pd.Timedelta(hours=1)
    planted.iloc[:25, planted.columns.get_loc("available_at")] = stamp("2003-02-01")
    run(store, pd.concat([whole, planted], ignore_index=True), datetime(2003, 2, 3, 22, tzinfo=UTC))
    stored = store.read(RAW_MACRO).to_pandas()
    assert (stored["ingested_at"] == stamp("2003-02-03 22:00")).sum() == 50
    pd.testing.assert_frame_equal(training_set(store, AS_OF), then, check_exact=True)
    rows = store.read(FEATURES_DAILY).to_pandas()
    assert (rows["created_timestamp"] == rows["event_timestamp"]).all()


def test_march_cpi_is_absent_on_31_march_and_until_it_is_published():
    raw = stamped(history().query("series == 'CPIAUCSL'"))
    moments = ["2002-03-28 21:00", "2002-03-31 21:00", "2002-04-14 21:00", "2002-04-15 21:00"]
    inflation = at(raw, *moments)["inflation_12m"].tolist()
    value = raw.set_index("observation_date")["value"]
    february = value["2002-02-01"] / value["2001-02-01"] - 1
    march = value["2002-03-01"] / value["2001-03-01"] - 1
    assert inflation == pytest.approx([february, february, february, march], abs=1e-12)
    assert february != march


def test_both_ends_of_a_years_change_are_as_revised_by_then():
    rows = history().query("series == 'CPIAUCSL'")
    old = rows[rows["observation_date"] == "2001-04-01"].assign(
        value=9.0, available_at=stamp("2002-06-10")
    )
    raw = stamped(pd.concat([rows, old], ignore_index=True))
    value = rows.set_index("observation_date")["value"]
    before, after = at(raw, "2002-06-09 21:00", "2002-06-10 21:00")["inflation_12m"]
    assert before == pytest.approx(value["2002-04-01"] / value["2001-04-01"] - 1)
    assert after == pytest.approx(value["2002-04-01"] / 9.0 - 1)
    assert at(raw, "2003-01-03 21:00")["inflation_12m"].item() == pytest.approx(
        value["2002-11-01"] / value["2001-11-01"] - 1
    )


def test_a_value_fetched_late_counts_from_its_fetch():
    rows = history().query("series == 'UNRATE'")
    hole = rows["observation_date"] == "2002-08-01"
    first = stamped(rows[~hole & (rows["observation_date"] < "2002-10-01")])
    late = stamped(rows[hole], datetime(2002, 9, 20, 22, tzinfo=UTC))
    first["ingested_at"] = stamp("2002-09-10")
    raw = pd.concat([first, late], ignore_index=True)
    value = rows.set_index("observation_date")["value"]
    july, august = value["2002-07-01"], value["2002-08-01"]
    features = at(raw, "2002-09-09 21:00", "2002-09-20 21:00", "2002-09-20 22:00")
    assert features["unemployment"].tolist() == [july, july, august]


@pytest.mark.parametrize("moment", ["2001-02-12 21:00", "2001-11-23 18:00", "2002-12-31 21:00"])
def test_features_match_a_plain_search_of_the_vintages(moment):
    raw = stamped(history())
    seen = raw[raw["available_at"] <= stamp(moment)].sort_values("observation_date")
    value = {name: rows["value"].tolist() for name, rows in seen.groupby("series")}
    claims, jobless, industry = value["ICSA"], value["UNRATE"], value["INDPRO"]
    expected = {
        "claims_growth": math.log(sum(claims[-4:]) / 4 / (sum(claims[-52:]) / 52)),
        "unemployment": jobless[-1],
        "unemployment_change_12m": jobless[-1] - jobless[-13],
        "industrial_growth_12m": math.log(industry[-1] / industry[-13]),
        "term_spread": value["DGS10"][-1] - value["DGS2"][-1],
        "rate_10y": value["DGS10"][-1],
    }
    assert at(raw, moment).iloc[0][list(expected)].to_dict() == pytest.approx(expected)


def test_a_change_over_22_sessions_is_between_the_values_at_both_closes():
    raw = stamped(history())
    closes = calendar.closes(calendar.sessions(date(2001, 1, 2), date(2001, 12, 31)))
    features = macro_features(raw, closes)
    spread = [at(raw, str(closes[i].tz_convert(None)))["term_spread"].item() for i in (100, 122)]
    assert features["term_spread_change_22"].iloc[122] == pytest.approx(spread[1] - spread[0])
    assert features["term_spread_change_22"].iloc[:22].isna().all()


def test_a_series_that_stopped_is_null_and_not_carried_on():
    raw = stamped(history())
    features = at(raw, "2003-01-10 21:00", "2003-02-10 21:00", "2004-01-05 21:00")
    assert features["rate_10y"].notna().tolist() == [True, False, False]
    assert features["unemployment"].notna().tolist() == [True, True, False]


def test_without_macro_rows_every_feature_is_null():
    empty = RAW_MACRO.empty().to_pandas(date_as_object=False)
    features = at(empty, "2002-01-02 21:00")
    assert list(features.columns) == names("macro")
    assert features.isna().all(axis=None)


def test_later_rows_change_no_earlier_feature():
    raw, rng = stamped(history()), np.random.default_rng(8)
    closes = calendar.closes(calendar.sessions(date(2000, 6, 1), AS_OF))
    whole = macro_features(raw, closes)
    for cut in rng.choice(np.arange(30, len(closes) - 5), 25, replace=False):
        torn = raw.copy()
        later = torn["available_at"] > closes[cut]
        torn.loc[later, "value"] = rng.permutation(torn.loc[later, "value"].to_numpy()) * 2
        for other in (torn, raw[~later]):
            again = macro_features(other, closes[: cut + 1])
            pd.testing.assert_frame_equal(again, whole.iloc[: cut + 1], check_exact=True)
