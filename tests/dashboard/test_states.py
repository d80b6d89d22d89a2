"""A page of a store that lacks something: what is missing is named, the rest is shown."""

import re
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
    """Return the text of a store's page, once it has so many charts."""

    def text_of(uri, charts, address=""):
        with dashboard(uri, tmp_path / "log") as root, visiting(browser, root + address) as visit:
            ready(visit.page, charts)
            text = visit.page.locator(".stMainBlockContainer").inner_text().replace("\xa0", " ")
        assert "Traceback" not in text
        return text

    return text_of


def test_each_section_of_an_empty_store_names_what_is_missing(look, store):
    text = look(store.uri, 0)
    assert "SPX: no forecast yet" in text
    assert f"{store.uri}: found an empty store" in text
    assert text.count("Not there yet") >= 8
    for command in ("make run", "volcast ingest", "volcast drift", "volcast train"):
        assert command in text


def test_prices_alone_are_shown_with_their_regimes(look, store):
    remember(store, Universe())
    prices(store)
    text = look(store.uri, 1)
    assert "SPY: no forecast yet" in text
    assert "Stressed since 14 Jun 2024." in text
    assert "There is no champion." in text


def test_forecasts_without_a_registry_are_shown(look, store):
    remember(store, Universe())
    prices(store)
    published(store, "SPY")
    text = look(store.uri, 3)
    assert HEADLINE in text
    assert "40 forecasts, the newest 13.1 %. All were published by versions that knew" in text
    assert text.count("There is no outcome of this span yet.") == 2


@pytest.mark.parametrize(
    ("key", "charts", "rest"),
    [
        ("predictions_daily/symbol=SPY/year=2024/data.parquet", 1, "Stressed since"),
        ("curated.market_daily/symbol=SPY/year=2024/data.parquet", 3, HEADLINE),
        ("monitoring.drift_daily/symbol=SPY/year=2024/data.parquet", CHARTS, HEADLINE),
        ("runs/cd/evaluation.parquet", 2, HEADLINE),
        ("registry/volcast/3/metrics.json", CHARTS, HEADLINE),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_shown(look, store, key, charts, rest):
    whole(store)
    assert store.objects.get(key)
    store.objects.put(key, b"torn")
    text = look(store.uri, charts)
    assert re.search(rf"Cannot be read\. \S*{re.escape(key)}: found", text)
    assert rest in text


def test_a_store_that_cannot_be_reached_is_the_whole_page(look, monkeypatch):
    port = free_ports(1)[0]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "of-no-worth",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    text = look("s3://bucket/prefix", 0)
    assert "The store cannot be reached" in text
    assert "s3://bucket" in text
    assert "of-no-worth" not in text
    assert "Model card" not in text


def test_a_store_on_s3_is_shown(look, s3_uri):
    whole(Store.open(s3_uri))
    text = look(s3_uri, CHARTS)
    assert HEADLINE in text
    assert "The source is an archive: everything should be at 28 Jun 2024." in text


def test_hindsight_an_old_forecast_and_an_old_drift_check_are_marked(look, store):
    whole(store)
    put(
        store, PREDICTIONS_DAILY, "SPY", SESSION, model_version="3", role="champion",
        model_as_of=date(2025, 1, 3), rv_5d_hat=0.2, lo80=0.1, hi80=0.3, lo95=0.05, hi95=0.4,
        target_from=date(2024, 7, 1), target_to=date(2024, 7, 8), regime="calm",
    )  # fmt: skip
    put(store, CURATED_MARKET_DAILY, "SPY", SESSION, source="yfinance", close=300.0)
    put(
        store, MONITORING_DRIFT_DAILY, "SPY", date(2024, 7, 1), subject="verdict", test="state",
        window=0, fired=False, state="not-run", detail="too few rows",
    )  # fmt: skip
    text = look(store.uri, CHARTS)
    assert "○ not-run on 1 Jul 2024: too few rows." in text
    assert "Hindsight: version 3 was trained on sessions up to 3 Jan 2025" in text
    assert "from yesterday" not in text
    assert re.search(r"Stale: this forecast is [\d,]+ sessions behind", text)


def run(*arguments):
    command = [sys.executable, "-m", "serving.dashboard", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_a_taken_port_and_a_wrong_store_exit_with_2(tmp_path, store):
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
