"""Whatever the store lacks, the page says what is missing and how to get it; the rest stands."""

import signal
import subprocess
import sys
from datetime import date

import pytest

from tests.dashboard.browser import CHARTS, dashboard, ready, visiting
from tests.dashboard.stores import HEADLINE, SESSION, prices, published, whole
from tests.monitoring.monitored import put, running
from tests.s3_server import free_ports
from volcast.core.settings import Universe
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_DRIFT_DAILY, PREDICTIONS_DAILY
from volcast.store.universe import remember

# A browser drops its requests when the network changes, as it does when a container begins.
pytestmark = pytest.mark.xdist_group("interfaces")


@pytest.fixture
def look(browser, tmp_path):
    """What the page of a store says, and how many charts it has."""

    def looked(uri, charts, address=""):
        with dashboard(uri, tmp_path / "log") as root, visiting(browser, root + address) as visit:
            ready(visit.page, charts)
            said = visit.page.locator(".stMainBlockContainer").inner_text().replace("\xa0", " ")
        assert "Traceback" not in said
        return said

    return looked


def test_an_empty_store_says_of_each_section_what_is_missing_and_how_to_get_it(look, store):
    said = look(store.uri, 0)
    assert "SPX: no forecast yet" in said
    for missing in (
        f"{store.uri}: found an empty store",
        "No forecast of SPX has been published yet. Run make run,",
        "There is no forecast of SPX to hold against what came. Train a model and publish",
        "There is no validated price of SPX. Fetch and validate: volcast ingest.",
        "Drift has not been looked for. Run volcast drift.",
        "No forecast has been scored. Run make run.",
        "Whether to train anew has not been asked. Run make run.",
        "No pipeline has run. Run make run.",
        "There is no champion. Train a first one: make run, or volcast train.",
    ):
        assert missing in said


def test_prices_alone_are_shown_with_their_regimes(look, store):
    remember(store, Universe())
    prices(store)
    said = look(store.uri, 1)
    assert "SPY: no forecast yet" in said
    assert "Stressed since 14 Jun 2024." in said
    assert "There is no champion." in said


def test_forecasts_without_a_registry_are_shown(look, store):
    remember(store, Universe())
    prices(store)
    published(store, "SPY")
    said = look(store.uri, 3)
    assert HEADLINE in said
    assert "40 forecasts, the newest 13.1 %. All were published by versions that knew" in said
    assert said.count("No outcome of this span is known yet.") == 2


@pytest.mark.parametrize(
    ("key", "charts", "stands"),
    [
        ("predictions_daily/symbol=SPY/year=2024/data.parquet", 1, "Stressed since"),
        ("curated.market_daily/symbol=SPY/year=2024/data.parquet", 3, HEADLINE),
        ("monitoring.drift_daily/symbol=SPY/year=2024/data.parquet", CHARTS, HEADLINE),
        ("runs/cd/evaluation.parquet", 2, HEADLINE),
        ("registry/volcast/3/metrics.json", CHARTS, HEADLINE),
    ],
)
def test_a_file_that_cannot_be_read_is_told_where_it_is_missed_and_the_rest_stands(
    look, store, key, charts, stands
):
    whole(store)
    assert store.objects.get(key)
    store.objects.put(key, b"torn")
    said = look(store.uri, charts)
    assert f"Cannot be read. {store.uri}/{key}: found" in said
    assert stands in said


def test_a_store_that_cannot_be_reached_is_said_and_nothing_else(look, monkeypatch):
    port = free_ports(1)[0]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "of-no-worth",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    said = look("s3://bucket/prefix", 0)
    assert "The store cannot be reached" in said
    assert "s3://bucket" in said
    assert "of-no-worth" not in said
    assert "Model card" not in said


def test_a_store_on_s3_is_shown_as_a_local_one_is(look, s3_uri):
    whole(Store.open(s3_uri))
    said = look(s3_uri, CHARTS)
    assert HEADLINE in said
    assert "The source is an archive: everything should be at 28 Jun 2024." in said


def test_a_forecast_that_is_hindsight_or_old_is_called_so_beneath_the_headline(look, store):
    whole(store)
    put(
        store, PREDICTIONS_DAILY, "SPY", SESSION, model_version="4", role="champion",
        model_as_of=date(2025, 1, 3), rv_5d_hat=0.2, lo80=0.1, hi80=0.3, lo95=0.05, hi95=0.4,
        target_from=date(2024, 7, 1), target_to=date(2024, 7, 8), regime="calm",
    )  # fmt: skip
    pointer = store.objects.get("registry/champion.json").replace(
        b'"version": "3"', b'"version": "4"'
    )
    store.objects.put("registry/champion.json", pointer)
    put(store, CURATED_MARKET_DAILY, "SPY", SESSION, source="yfinance", close=300.0)
    said = look(store.uri, CHARTS)
    assert "Hindsight: version 4 was trained on sessions up to 3 Jan 2025" in said
    assert "from yesterday" not in said
    assert "Stale: this forecast is" in said
    assert "sessions behind" in said


def test_a_drift_check_of_long_ago_says_its_day(look, store):
    whole(store)
    put(
        store, MONITORING_DRIFT_DAILY, "SPY", date(2024, 7, 1), subject="verdict", test="state",
        window=0, fired=False, state="not-run", detail="too few rows",
    )  # fmt: skip
    assert "○ not-run on 1 Jul 2024: too few rows." in look(store.uri, CHARTS)


def run(*arguments):
    command = [sys.executable, "-m", "serving.dashboard", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_a_taken_port_and_a_wrong_store_end_it_with_code_2_and_say_why(tmp_path, store):
    with dashboard(store.uri, tmp_path / "log") as address:
        port = address.rpartition(":")[2]
        ended = run("--store", store.uri, "--port", port)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert f"127.0.0.1:{port}: found" in ended.stderr
    ended = run("--store", "ftp://somewhere")
    assert ended.returncode == 2
    assert "expected a local folder or s3://bucket/prefix" in ended.stderr


def test_sigterm_ends_it(tmp_path, store):
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "serving.dashboard", "--store", store.uri, "--port", str(port)]
    with running(command, port, tmp_path / "log") as process:
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(timeout=30) in (0, -signal.SIGTERM)
