"""What the page shows of whole stores and of those that lack something."""

import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from serving.dashboard.__main__ import main
from serving.dashboard.app import application
from serving.dashboard.model import model_card as shown_card
from tests.dashboard.stores import SESSION, SESSIONS, prices, published, walked, whole
from tests.monitoring.monitored import put, running
from tests.s3_server import free_ports
from volcast.core.settings import Universe
from volcast.evaluation.table import Skill
from volcast.evaluation.words import better_choice
from volcast.monitoring.status import model_card
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, MONITORING_DRIFT_DAILY, PREDICTIONS_DAILY
from volcast.store.universe import remember

TITLE = "13.1 % SPY, annualised volatility over the next five sessions, 1-8 Jul 2024"


def test_the_overview_is_the_newest_forecast_its_change_rank_and_interval(look, full_store):
    text = look(full_store, 3)
    assert TITLE in text
    for part in (
        "Change from yesterday -0.9 points",
        "Among the last year's forecasts 0 % of the 252 before it were lower",
        "80 % interval 8.6 to 20.1 % 95 %: 7.0 to 26.1 %",
        "Market calm probability 91.0 %",
        "As of the close of 28 Jun 2024, by model version 3. Others forecast: HAR-RV 20.0 %, "
        "HAR-X 16.0 %, VIX 15.4 %.",
        "an average day 111 %",
        "implied volatility -11.0 %",
        "the forecast 100 %",
    ):
        assert part in text.replace("\xa0", " ")


def test_the_card_warns_of_a_symbol_that_log_har_forecasts_better(full_store):
    card = model_card(full_store, "SPY")
    worse = Skill("log_har", 0.3, 6.0, gain=-0.04, p_better=0.9)
    table = replace(card.metrics.all, lines=(*card.metrics.all.lines, worse))
    metrics = replace(card.metrics, all=table)
    advice = better_choice(metrics.of_all_sessions)
    assert advice
    shown = [shown_card(one).replace("\xa0", " ") for one in (replace(card, metrics=metrics), card)]
    assert [advice in text for text in shown] == [True, False]


def test_the_first_published_forecast_is_compared_with_the_walk_forward(look, store):
    whole(store)
    key = "predictions_daily/symbol=SPY/year=2024/data.parquet"
    rows = store.read(PREDICTIONS_DAILY, symbols=["SPY"])
    store.objects.delete(key)
    store.write(PREDICTIONS_DAILY, rows.slice(len(rows) - 1))
    walked(store, 0.15, ends=SESSIONS.index(SESSION))
    text = look(store, 3)
    assert "Change from yesterday -1.9 points from the walk-forward forecast" in text


def test_scores_watch_and_card_are_those_of_the_store(look, full_store):
    # Forecasts of .15 throughout; HAR-RV is .2, VIX .154, outcomes are spread around .15.
    text = look(full_store, 3)
    for part in (
        "of HAR-RV's QLIKE", "VIX is better by",
        "▲ a turn of the market on 28 Jun 2024: VIX explains it.", "implied volatility ( iv )",
        "✓ as before on 28 Jun 2024: p .4 of being worse against HAR-RV.",
        "On 28 Jun 2024: not needed: drift regime-shift, error same.", "✓ up to date",
        "<b>two rows</b> are odd",  # never markup
        "blend-iv 0123abcd", "beefcafebeef", "79.8 % (of 80 %) and 94.5 % (of 95 %)",
        "volcast-daily-inference ✕ failed 28 Jun 2024 22:00 UTC",
        "HAR-RV 0.432 7.55 +19.2 % < .0001",
        "2024-05-31 22:00 promote none → 3 ana run cd passed the gate",
    ):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("?symbol=QQQ", "QQQ, annualised volatility"),
        ("?symbol=<b>XYZ", "There is no forecast of <b>XYZ; this is SPY."),
        ("?span=5y", "3 Jan 2023 - 28 Jun 2024: 369 forecasts"),
        ("?span=century", "247 forecasts"),
        ("?loss=rmse", "RMSE loss by month"),
    ],
)
def test_the_address_chooses_what_is_shown(look, full_store, query, part):
    charts = 1 if query == "?symbol=QQQ" else 3
    assert part in look(full_store, charts, query)


def test_each_section_of_an_empty_store_names_what_is_missing(look, store):
    text = look(store, 0)
    assert "SPX: no forecast yet" in text
    assert f"{store.uri}: found an empty store" in text
    assert text.count("Not there yet") >= 8
    for command in ("make run", "volcast ingest", "volcast drift", "volcast train"):
        assert command in text


def test_prices_alone_are_shown_with_their_regimes(look, store):
    remember(store, Universe())
    prices(store)
    text = look(store, 1)
    assert "SPY: no forecast yet" in text
    assert "Stressed since 14 Jun 2024." in text
    assert "There is no champion of SPY." in text


def test_forecasts_without_a_registry_are_shown(look, store):
    remember(store, Universe())
    prices(store)
    published(store, "SPY")
    text = look(store, 2)
    assert TITLE in text
    assert "unknown too few earlier forecasts" in text
    assert "40 forecasts, the newest 13.1 %. All were published, by models" in text
    assert text.count("There is no outcome of this span yet.") == 2


@pytest.mark.parametrize(
    ("key", "charts", "rest"),
    [
        ("universe.json", 0, "SPX: no forecast yet"),
        ("predictions_daily/symbol=SPY/year=2024/data.parquet", 1, "Stressed since"),
        ("curated.market_daily/symbol=SPY/year=2024/data.parquet", 2, TITLE),
        ("monitoring.drift_daily/symbol=SPY/year=2024/data.parquet", 3, TITLE),
        ("runs/cd/evaluation.parquet", 1, TITLE),
        ("registry/volcast/3/metrics.json", 3, TITLE),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_shown(look, store, key, charts, rest):
    whole(store)
    assert store.objects.get(key)
    store.objects.put(key, b"torn")
    text = look(store, charts)
    assert re.search(rf"Cannot be read\. \S*{re.escape(key)}: found", text)
    assert rest in text


def test_a_store_that_cannot_be_reached_is_the_whole_page(look, monkeypatch):
    port = free_ports(1)[0]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "of-no-worth",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    text = look(Store.open("s3://bucket/prefix"), 0, code=503)
    assert "The store cannot be reached" in text
    assert "s3://bucket" in text
    assert "of-no-worth" not in text
    assert "Model card" not in text


def test_a_store_on_s3_is_shown(look, s3_uri):
    text = look(whole(Store.open(s3_uri)), 3)
    assert TITLE in text
    assert "The source is an archive: everything should be at 28 Jun 2024." in text


def test_a_read_only_store_is_shown_and_not_written_to(look, store):
    whole(store)
    paths = [Path(store.uri), *Path(store.uri).rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    states = {path: path.stat().st_mtime_ns for path in paths}
    assert TITLE in look(store, 3)
    # For root, to whom every folder is open, this is the proof.
    assert {path: path.stat().st_mtime_ns for path in Path(store.uri).rglob("*")} == {
        path: states[path] for path in paths[1:]
    }
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)


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
    text = look(store, 3)
    assert "○ not run on 1 Jul 2024: too few rows." in text
    assert "Hindsight: version 3 was trained on sessions up to 3 Jan 2025" in text
    assert "Change from yesterday none" in text
    assert re.search(r"Stale: this forecast is [\d,]+ sessions behind", text)


def test_visitors_of_the_same_minute_cost_the_store_one_read(store, monkeypatch):
    monkeypatch.setattr("serving.dashboard.app._SECONDS", 1e12)
    client = TestClient(application(whole(store), Universe()))
    first = client.get("/")
    shutil.rmtree(store.uri)
    assert client.get("/").text == first.text
    assert first.headers["content-encoding"] == "gzip"
    assert "script" not in first.headers["content-security-policy"]


@pytest.mark.xdist_group("interfaces")
def test_the_process_prints_its_address_and_ends_with_sigterm(store, tmp_path):
    port, log = free_ports(1)[0], tmp_path / "log"
    command = [sys.executable, "-m", "serving.dashboard", "--store", store.uri, "--port", str(port)]
    with running(command, port, log) as process:
        assert httpx.get(f"http://127.0.0.1:{port}/alive").text == "alive"
        assert f"http://127.0.0.1:{port}" in log.read_text()
        taken = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        assert (taken.returncode, taken.stdout) == (2, "")
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(timeout=30) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("base", ["", "/volcast", "/desk/volcast"])
def test_the_page_works_below_a_path_that_a_proxy_strips_or_leaves(full_store, base):
    client = TestClient(application(full_store, Universe(), base), follow_redirects=False)
    whole_page = client.get("/").text
    for path in (base or "/", f"{base}/"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (200, whole_page)
        assert client.head(path).status_code == 200
    for path in ("/alive", f"{base}/alive"):
        assert client.get(path).text == "alive"
    links = set(re.findall(r'(?:href|src|action)="([^"]*)"', whole_page))
    assert links
    assert all(link.startswith(("?", "#", "data:")) for link in links)
    for path in ("/alive/", "/other/", f"{base}/other"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (404, None)


@pytest.mark.parametrize("base", ["volcast", "https://desk.test/volcast", "/{symbol}", "/a b"])
def test_a_base_path_that_is_none_is_refused(tmp_path, base):
    assert main(["--store", str(tmp_path), "--base-path", base]) == 2
