"""Every query of every dashboard is of metrics that exist, and a real Prometheus answers it."""

import json
import re
from collections.abc import Iterator
from itertools import combinations

import pytest
import yaml

from serving.dashboards import BOARDS, FOLDER, render
from tests.brief.desk import briefing
from tests.monitoring.monitored import (
    RULES,
    SESSION,
    Process,
    eventually,
    exporting,
    fill,
    prometheus,
    put,
)
from tests.monitoring.test_rules import metrics_of
from tests.serving.live import Running
from volcast.monitoring.metrics import METRICS, PROMETHEUS_OWN
from volcast.store import Store
from volcast.store.tables import MONITORING_RETRAIN

FILES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
QUERIES = [
    pytest.param(target["expr"], id=f"{uid}: {panel['title']} {target['refId']}")
    for uid, board in FILES.items()
    for panel in board["panels"]
    for target in panel["targets"]
]


def variables(board: dict) -> dict[str, dict]:
    return {one["name"]: one for one in board["templating"]["list"]}


def test_the_files_are_what_is_rendered():
    assert {p.name: p.read_text() for p in FOLDER.glob("*")} == {
        f"{board.uid}.json": render(board) for board in BOARDS
    }


@pytest.mark.parametrize("uid", FILES)
def test_panels_do_not_overlap(uid):
    places = [panel["gridPos"] for panel in FILES[uid]["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, two in combinations(places, 2):
        assert any(one[k] + one[n] <= two[k] or two[k] + two[n] <= one[k] for k, n in ("xw", "yh"))


def test_every_metric_is_on_some_dashboard():
    shown = set().union(*(metrics_of(query.values[0]) for query in QUERIES))
    assert shown - PROMETHEUS_OWN == set(METRICS)


@pytest.fixture(scope="module")
def watched(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A Prometheus that has scraped all that shows metrics, and knows the rules."""
    folder = tmp_path_factory.mktemp("watched")
    store = fill(Store.open(str(folder / "store")))
    put(store, MONITORING_RETRAIN, "SPY", SESSION, needed=True, train=True)
    with (
        exporting(store, folder / "exporter.log") as exporter,
        briefing(store, folder / "brief.log") as brief,
    ):
        own = f"{server.http.base_url.host}:{server.http.base_url.port}"
        targets = [exporter.address, brief.address, own]
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "volcast", "static_configs": [{"targets": targets}]}],
        }
        path = folder / "prometheus.yaml"
        path.write_text(yaml.safe_dump(configuration))
        with prometheus(folder, path) as scraper:
            eventually(lambda: len(ask(scraper, "up == 1")) == 3, 30, scraper.log)
            rate = 'rate(volcast_http_requests_total{route="predict"}[1m]) > 0'
            eventually(lambda: server.answer() and ask(scraper, rate), 30, scraper.log)
            eventually(lambda: ask(scraper, 'ALERTS{alertstate="firing"}'), 30, scraper.log)
            twice = f'count_over_time(up{{instance="{brief.address}"}}[1m]) >= 3'
            eventually(lambda: ask(scraper, twice), 30, scraper.log)  # a rate needs two scrapes
            yield scraper


def ask(process: Process, query: str) -> list:
    answer = process.http.get("/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", (query, answer)
    return answer["data"]["result"]


@pytest.mark.slow
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_answered_with_something(watched: Process, query):
    concrete = query.replace("$symbol", ".*").replace("$__rate_interval", "1m")
    assert "$" not in concrete
    assert ask(watched, concrete)


@pytest.mark.slow
@pytest.mark.parametrize("uid", [uid for uid in FILES if "symbol" in variables(FILES[uid])])
def test_the_symbols_to_choose_from_are_those_of_the_store(watched: Process, uid):
    query = variables(FILES[uid])["symbol"]["query"]
    name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()
    assert name in METRICS
    values = watched.http.get(f"/api/v1/label/{label}/values", params={"match[]": name}).json()
    assert values["data"] == ["SPY"]
