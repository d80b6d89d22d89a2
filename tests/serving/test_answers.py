import shutil
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from serving.lookup import OnlineFeatures
from serving.predict import STALE_LIMIT, ForecastRequest, ForecastService
from serving.state import VolcastModel
from serving.watcher import ModelWatcher
from tests.monitoring.monitored import put
from tests.serving.live import SYMBOL, UNIVERSE, Served
from volcast.core import calendar
from volcast.core.errors import (
    CorruptFile,
    NotFound,
    QualityError,
    RequestError,
    StaleInput,
    StoreUnavailable,
)
from volcast.store.tables import CURATED_MARKET_DAILY, PREDICTIONS_DAILY
from volcast.store.universe import remember

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def answers_of(served: Served, as_of=None) -> ForecastService:
    store, model = served.store, VolcastModel()
    features = OnlineFeatures(str(served.folder))
    ModelWatcher(store, model, features, UNIVERSE, now=lambda: NOW, as_of=as_of, seconds=1).check()
    return ForecastService(store, model, lambda: NOW)


@pytest.fixture(scope="module")
def answers(served: Served) -> ForecastService:
    return answers_of(served)


def test_the_target_is_the_first_symbol_before_the_first_forecast_too(
    served: Served, tmp_path: Path
):
    copy = served.copy(tmp_path / "store")
    for table in (PREDICTIONS_DAILY, CURATED_MARKET_DAILY):
        put(copy.store, table, "A^/B", served.as_of)
    remember(copy.store, UNIVERSE)
    assert list(answers_of(copy).model.state.sessions) == [SYMBOL, "A^/B"]
    shutil.rmtree(copy.folder / PREDICTIONS_DAILY.name)
    (copy.folder / "universe.json").unlink()
    assert list(answers_of(copy).model.state.sessions) == [SYMBOL]


@pytest.mark.parametrize("age", range(1, STALE_LIMIT + 1))
def test_old_features_are_answered_marked_stale(answers: ForecastService, served: Served, age):
    later = calendar.after(served.as_of, age)
    answer = answers.answer(ForecastRequest(SYMBOL, later))
    assert (answer["stale"], answer["age_sessions"]) == (True, age)
    assert answer["as_of"] == later.isoformat()
    assert answer["features_as_of"] == served.as_of.isoformat()


def test_features_over_five_sessions_old_are_not_answered(served: Served):
    clock = calendar.after(served.as_of, STALE_LIMIT + 1)
    with pytest.raises(StaleInput, match="6 sessions before"):
        answers_of(served, as_of=clock).answer(ForecastRequest(SYMBOL))


def test_a_day_long_after_the_newest_of_an_archive_is_not_found(
    answers: ForecastService, served: Served
):
    later = calendar.after(served.as_of, STALE_LIMIT + 1)
    with pytest.raises(NotFound) as error:
        answers.answer(ForecastRequest(SYMBOL, later))
    assert error.value.field == "as_of"


def test_the_askers_own_date_ahead_of_new_york_is_not_stale_and_later_ones_are_refused(
    answers: ForecastService, served: Served
):
    """It is already the next session's day in the east, and its eve in New York."""
    today = calendar.after(served.as_of, 1)
    evening = datetime.combine(today, time(11), UTC) - timedelta(days=1)
    ahead = replace(answers, now=lambda: evening)
    answer = ahead.answer(ForecastRequest(SYMBOL, today))
    assert (answer["stale"], answer["age_sessions"]) == (False, 0)
    assert (answer["as_of"], answer["features_as_of"]) == (str(today), str(served.as_of))
    assert answer["rv_5d"] == ahead.answer(ForecastRequest(SYMBOL))["rv_5d"]
    row = dict(answers.model.state.features[SYMBOL].values)
    features = {name: row[name] for name in answers.model.state.signature.names}
    for request in (
        ForecastRequest(SYMBOL, calendar.after(today, 1)),
        ForecastRequest(SYMBOL, calendar.after(today, 100)),
        ForecastRequest(SYMBOL, calendar.after(today, 1), features),
    ):
        with pytest.raises(RequestError) as error:
            ahead.answer(request)
        assert error.value.field == "as_of"


def test_stored_features_that_give_an_impossible_volatility_are_not_answered(served: Served):
    answers = answers_of(served)
    state = answers.model.state
    newest = state.features[SYMBOL]
    row = replace(newest, values={**newest.values, "iv": 20.0})
    answers.model.adopt(replace(state, features={SYMBOL: row}))
    with pytest.raises(QualityError):
        answers.answer(ForecastRequest(SYMBOL))


def test_age_is_counted_against_the_configured_clock(served: Served):
    clock = calendar.after(served.as_of, 2)
    answer = answers_of(served, as_of=clock).answer(ForecastRequest(SYMBOL))
    assert (answer["as_of"], answer["age_sessions"]) == (clock.isoformat(), 2)


@pytest.mark.parametrize(
    ("pattern", "content", "error"),
    [
        ("feast/online.db", None, StaleInput),
        ("feast/online.db", b"no database" * 1000, StoreUnavailable),
        ("predictions_daily/**/*.parquet", b"PAR1", CorruptFile),
    ],
)
def test_a_missing_or_broken_file_is_an_error_of_its_own(
    served: Served, tmp_path: Path, pattern, content, error
):
    copy = served.copy(tmp_path / "store")
    for path in copy.folder.glob(pattern):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    day = served.as_of if error is CorruptFile else None
    with pytest.raises(error):
        answers_of(copy).answer(ForecastRequest(SYMBOL, day))


def test_version_in_service_answers_a_past_day_before_others(served: Served, tmp_path: Path):
    copy = served.copy(tmp_path / "store")
    row, earlier = served.predictions[0], calendar.after(served.as_of, -100)
    others = [
        {**row, "session": day, "model_version": version}
        for day in (row["session"], earlier)
        for version in ("9", "10")
    ]
    copy.store.write(PREDICTIONS_DAILY, pa.Table.from_pylist(others))
    answers = answers_of(copy)
    days = (row["session"], earlier)
    models = [answers.answer(ForecastRequest(SYMBOL, day))["model"] for day in days]
    assert [model["version"] for model in models] == [row["model_version"], "10"]


def test_challenger_never_answers(served: Served, tmp_path: Path):
    copy = served.copy(tmp_path / "store")
    earlier = calendar.after(served.as_of, -100)
    newest = served.predictions[-1]
    shadows = [
        {**newest, "session": day, "model_version": "99", "role": "challenger", "rv_5d_hat": 0.9}
        for day in (earlier, newest["session"])
    ]
    copy.store.write(PREDICTIONS_DAILY, pa.Table.from_pylist(shadows))
    answers = answers_of(copy)
    with pytest.raises(NotFound):
        answers.answer(ForecastRequest(SYMBOL, earlier))
    for query in (ForecastRequest(SYMBOL, newest["session"]), ForecastRequest(SYMBOL)):
        answer = answers.answer(query)
        assert answer["model"]["version"] == newest["model_version"]
        assert answer["rv_5d"] == pytest.approx(newest["rv_5d_hat"], abs=1e-9)
