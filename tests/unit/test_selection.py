"""Every reader of forecasts shows the same one of a session."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pandas as pd
import pytest

from serving.exporter.collector import StoreCollector
from serving.predict import ForecastRequest, ForecastService
from tests.contract_rows import contract_rows
from tests.runs import AUDIT, put_run
from volcast import registry
from volcast.brief import Sentence
from volcast.brief.daily import daily_brief
from volcast.brief.facts import Facts
from volcast.cli.arguments import console
from volcast.cli.summary import print_summary
from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.evaluation.losses import qlike_losses
from volcast.inference.publish import publish
from volcast.inference.selection import official_forecasts, out_of_sample, select_official
from volcast.monitoring import status
from volcast.monitoring.score import performance, score
from volcast.monitoring.shadow import shadow_record
from volcast.store import Store
from volcast.store.tables import LABELS_DAILY, PREDICTIONS_DAILY
from volcast.store.universe import remember

DAYS = calendar.sessions(date(2019, 1, 2), date(2019, 6, 28))
TRAINED = date(2018, 12, 31)
NOW = datetime(2019, 6, 29, tzinfo=UTC)
UNIVERSE = Universe(target="SPY")
FORECASTS = {"1": 0.1, "2": 0.2, "3": 0.3}
RV = 0.17


def forecast(store: Store, version: str, role: str = "champion", trained: date = TRAINED) -> None:
    """Publish forecasts of every session, each version of its own constant volatility."""
    rv = FORECASTS[version]
    bounds = {"lo95": 0.5 * rv, "lo80": 0.7 * rv, "hi80": 1.5 * rv, "hi95": 2 * rv}
    rows = contract_rows(PREDICTIONS_DAILY, ["SPY"], DAYS).to_pandas().assign(
        model_version=version, role=role, model_as_of=trained, rv_5d_hat=rv, **bounds,
        regime="calm", baseline_har_rv=0.16, baseline_log_har=0.16, baseline_har_x=0.16,
        baseline_vix=0.16, target_from=[calendar.after(day, 1) for day in DAYS],
        target_to=[calendar.after(day, 5) for day in DAYS], features_as_of=DAYS,
    )  # fmt: skip
    publish(store, PREDICTIONS_DAILY.conform(rows))


@pytest.fixture
def store(store: Store) -> Store:
    """Versions 1 to 3, 1 being champion; every outcome is `RV`."""
    remember(store, UNIVERSE)
    for run_id, recipe in (("a", "old"), ("b", "new"), ("c", "third")):
        put_run(store, run_id, recipe, target="SPY")
        metrics = store.objects.get(f"runs/{run_id}/model/metrics.json")
        store.objects.put(f"runs/{run_id}/metrics.json", metrics)
        registry.register(store, run_id)
    labels = contract_rows(LABELS_DAILY, ["SPY"], DAYS).to_pandas()
    ends = [calendar.after(day, 5) for day in DAYS]
    store.write(LABELS_DAILY, labels.assign(rv_5d=RV, label_end_session=ends))
    registry.promote(store, "1", **AUDIT)
    forecast(store, "1")
    return store


def readers(store: Store) -> Iterator[tuple[str, object]]:
    """Yield the version that each reader shows."""
    day = DAYS[-1]
    versions = {rv: version for version, rv in FORECASTS.items()}
    state = SimpleNamespace(ready_champion=registry.champion(store, "SPY"), sessions={"SPY": day})
    answer = ForecastService(store, SimpleNamespace(state=state), lambda: NOW).answer(
        ForecastRequest("SPY", day)
    )  # type: ignore[arg-type]
    yield "API", answer["model"]["version"]  # type: ignore[index]

    for name, session in (("page", None), ("page of a day", day)):
        yield name, status.outlook(store, "SPY", session).row["model_version"]  # type: ignore[union-attr]
    yield "track", versions[status.track(store, "SPY")["forecast"].iloc[-1]]  # type: ignore[index]

    brief = daily_brief(Facts(store, UNIVERSE, "SPY", day, NOW))
    percent = re.search(r"(\d+)\.0 %", brief.sentences[0].text)
    yield "brief", versions[int(percent[1]) / 100] if percent else None

    with console.capture() as shown:
        print_summary(store, UNIVERSE)
    version = re.search(r"model version (\d+)", shown.get())
    yield "CLI", version[1] if version else None

    collector = StoreCollector(store, lambda: NOW, 15)
    collector.look()
    yield "exporter", next(
        versions[sample.value] for metric in collector.collect() for sample in metric.samples
        if sample.name == "volcast_forecast_volatility_ratio" and sample.labels["bound"] == "hat"
    )  # fmt: skip

    losses = {qlike_losses(RV**2, rv**2).round(9): v for rv, v in versions.items()}
    score(store, UNIVERSE, day)
    yield "score", losses[round(performance(store, UNIVERSE, day)["recent_qlike"], 9)]  # type: ignore[call-overload]

    (outcome,) = Facts(store, UNIVERSE, "SPY", day, NOW).outcome()
    assert isinstance(outcome, Sentence)
    forecast_of = re.search(r"version (\d+) had forecast", outcome.text)
    yield "outcome", forecast_of[1] if forecast_of else None

    official = out_of_sample(official_forecasts(store, "SPY", last=day))
    yield "drift", official["model_version"].iloc[-1]

    record = shadow_record(store, "SPY")
    if record is not None and record.champions is not None:
        yield "shadow", losses[round(record.champions.qlike, 9)]


def promoted(store: Store) -> None:
    registry.promote(store, "2", **AUDIT)
    forecast(store, "2")


def rolled_back(store: Store) -> None:
    promoted(store)
    registry.rollback(store, "SPY", **AUDIT)


def backfilled(store: Store) -> None:
    """The new champion also forecasts sessions that it was trained on."""
    registry.promote(store, "2", **AUDIT)
    forecast(store, "2", trained=calendar.after(DAYS[-1], 1))


def shadowed(store: Store) -> None:
    registry.challenge(store, "3", **AUDIT)
    forecast(store, "3", "challenger")


def silent(store: Store) -> None:
    """The version in service has no forecast: the newest of the others counts."""
    promoted(store)
    registry.promote(store, "3", **AUDIT)


def shadowed_and_rolled_back(store: Store) -> None:
    shadowed(store)
    rolled_back(store)


@pytest.mark.parametrize(
    ("happen", "official"),
    [
        (promoted, "2"),
        (rolled_back, "1"),
        (backfilled, "1"),
        (shadowed, "1"),
        (shadowed_and_rolled_back, "1"),
        (silent, "2"),
    ],
)
def test_every_reader_shows_the_official_forecast(store, happen, official):
    happen(store)
    versions = dict(readers(store))
    assert versions == dict.fromkeys(versions, official)
    assert ("shadow" in versions) == ("shadow" in happen.__name__)


def test_a_challengers_forecast_is_none_of_the_champions_record(store: Store) -> None:
    forecast(store, "2", role="challenger")
    rows = store.read(PREDICTIONS_DAILY)
    # A challenger with the number in service, or later, comes first by every other rule.
    official = select_official(rows, in_service={"2"})
    assert official["model_version"].unique().to_pylist() == ["1"]
    assert select_official(rows, {"2"}, "challenger")["model_version"].unique().to_pylist() == ["2"]


def test_official_forecasts_of_many_sessions_are_sorted():
    days = calendar.sessions(date(2010, 1, 1), date(2020, 12, 31))
    rows = contract_rows(PREDICTIONS_DAILY, ["QQQ", "SPY"], days).to_pandas()
    rows = rows.assign(role="champion", model_version="1")
    later = rows.assign(model_version="2", model_as_of=days[0])
    shuffled = pd.concat([rows, later]).sample(frac=1, random_state=3)
    official = select_official(PREDICTIONS_DAILY.conform(shuffled), {"2"}).to_pandas()
    assert list(official["symbol"]) == ["QQQ"] * len(days) + ["SPY"] * len(days)
    assert list(official["session"]) == days * 2
    assert set(official["model_version"]) == {"2"}
