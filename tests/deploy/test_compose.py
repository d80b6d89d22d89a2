"""compose.yaml, brought up by docker-compose and taken down again."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from functools import cache

import pytest
import yaml

from tests.deploy.engine import needs_engine
from tests.deploy.tools import ROOT
from tests.s3_server import free_ports
from volcast.steps import IMAGES, PIPELINES

pytestmark = [pytest.mark.xdist_group("interfaces"), pytest.mark.timeout(3600)]

PROJECT = "volcasttest"

PORTS = ("API_PORT", "EXPORTER_PORT", "DASHBOARD_PORT", "BRIEF_PORT")

STEPS = ("prepare", "train", "materialize", "infer", "audit", "publish", "drift", "retrain")


@cache
def _program() -> list[str]:
    """Return the command of compose; skip the test if there is none."""
    for program in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(program[0]) is None:
            continue
        if subprocess.run([*program, "version"], capture_output=True, check=False).returncode == 0:
            return program
    pytest.skip("no docker-compose, and no compose of docker's own")


def _compose(environment: dict[str, str], *arguments: str) -> str:
    ended = subprocess.run(
        [*_program(), "--project-name", PROJECT, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=3000,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-4000:]
    return ended.stdout


@pytest.fixture(scope="module")
def up() -> Iterator[dict[str, str]]:
    """The project, up on free ports; yields the environment that holds them."""
    needs_engine()
    _program()
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    environment = os.environ | ports | {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}
    if "PIP_INDEX_URL" in os.environ:
        environment["INDEX_URL"] = os.environ["PIP_INDEX_URL"]
    try:
        _compose(environment, "up", "--build", "--detach")
        yield environment
    finally:
        _compose(environment, "down", "--volumes")


def _answer(port: str, path: str) -> str:
    until = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                return answer.read().decode()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def test_every_part_runs_without_rights_and_listens_on_this_machine_only() -> None:
    project = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    for name, part in project["services"].items():
        assert part["read_only"] is True, name
        assert part["user"] == "10001:10001", name
        assert part["cap_drop"] == ["ALL"], name
        assert part["volumes"] == ["store:/store"], name
        assert all(port.startswith("127.0.0.1:") for port in part.get("ports", [])), name
        assert ("healthcheck" in part) != (name in STEPS), name


def test_the_laptop_system_comes_up_and_forecasts(up: dict[str, str]) -> None:
    answer = json.loads(_answer(up["API_PORT"], "/predict?symbol=SPX"))
    assert (answer["symbol"], answer["as_of"]) == ("SPX", "2018-12-31")
    assert 0.01 < answer["rv_5d"] < 1
    assert len(answer["drivers"]) == 5


def test_page_brief_and_metrics_of_the_same_store_are_up(up: dict[str, str]) -> None:
    assert "<html" in _answer(up["DASHBOARD_PORT"], "/")
    assert "2018-12-31" in _answer(up["BRIEF_PORT"], "/daily-brief")
    assert "volcast_" in _answer(up["EXPORTER_PORT"], "/metrics")


def test_every_step_succeeded_and_the_drift_image_checked_drift(up: dict[str, str]) -> None:
    for step in STEPS:
        container = _compose(up, "ps", "--quiet", step).strip()
        ended = subprocess.run(
            ["docker", "wait", container], capture_output=True, text=True, check=True, timeout=600
        )
        assert ended.stdout.strip() == "0", step
    logged = json.loads(_compose(up, "logs", "--no-color", "drift").split("|")[-1])
    assert logged["facts"]["state"] == "ok"


def test_the_parts_run_the_steps_of_a_day_in_order_in_their_images() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    steps: list[str] = []
    for name, after in zip(STEPS, [None, *STEPS[:-1]], strict=True):
        assert list(services[name].get("depends_on", [])) == ([after] if after else []), name
        image = services[name]["image"].removeprefix("volcast/").partition(":")[0]
        part = services[name]["command"][-1].split(",")
        assert {IMAGES[step] for step in part} == {image}, name
        steps += part
    assert steps == [*PIPELINES["day"], "record"]
