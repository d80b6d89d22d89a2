"""The chart's deploy.sh, with stubs of kubectl and helm: what passes, and what is undone."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy.tools import CHART

STUB = """#!/bin/bash
call="$(basename "$0") $*"
echo "$call" >>calls
[[ $FAILS && $call == *"$FAILS"* ]] && exit 1
case $call in
  "helm "*" list "*) printf %s "$RELEASE" ;;
  "helm "*" history "*) printf '%s' "$HISTORY" ;;
  *"--output name") printf %s "$SERVER" ;;
  *'type=="Ready"'*) printf True ;;
  *"get inferenceservice volcast "*volcast/template*) printf new ;;
  *"get deployment volcast-predictor "*) printf %s "$TEMPLATE" ;;
  *"get pods "*started*) printf 'true false' ;;
esac
"""
HISTORY = """- app_version: 1.1.0
  revision: 2
  status: superseded
- app_version: 1.1.0
  revision: 3
  status: deployed
- app_version: 1.2.0
  revision: 4
  status: failed
"""
UPGRADED = {"RELEASE": "volcast", "HISTORY": HISTORY, "SERVER": "inferenceservice/volcast"}
FIRST: dict[str, str] = {}
APPLIED = {"SERVER": "inferenceservice/volcast"}
UPGRADE = "helm --namespace volcast upgrade --install volcast chart.tgz --set a=b"
ROLLOUT = "rollout status deployment/volcast-predictor"
READY = "wait --for condition=Ready inferenceservice/volcast"
TEST = "helm --namespace volcast test volcast"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    for name in ("kubectl", "helm"):
        (tmp_path / "bin" / name).write_text(STUB)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def deployed(folder: Path, *options: str, **state: str) -> tuple[int, str]:
    """Return the exit code and the calls of one deployment."""
    environment = {
        "PATH": f"{folder}/bin:{os.environ['PATH']}", "FAILS": "", "RELEASE": "", "HISTORY": "",
        "SERVER": "", "TEMPLATE": "new",
    } | state  # fmt: skip
    ended = subprocess.run(
        [CHART / "deploy.sh", *options, "volcast", "chart.tgz", "--set", "a=b"], cwd=folder,
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return ended.returncode, (folder / "calls").read_text()


@pytest.mark.parametrize("failing", ["upgrade", ROLLOUT, READY, "test volcast"])
@pytest.mark.parametrize(
    ("state", "undone"),
    [(UPGRADED, "rollback volcast 3 "), (FIRST, "uninstall volcast "), (APPLIED, None)],
    ids=["upgrade", "first", "applied"],
)
def test_a_failure_restores_what_was_there(
    folder: Path, state: dict[str, str], undone: str | None, failing: str
):
    code, calls = deployed(folder, FAILS=failing, **state)
    assert code == 1
    undoing = [line for line in calls.splitlines() if "rollback" in line or "uninstall" in line]
    assert len(undoing) == (undone is not None)
    assert undone is None or undone in undoing[0]


def test_pods_of_the_template_before_are_not_the_new_ones(folder: Path):
    code, calls = deployed(folder, "--seconds", "0", **UPGRADED, TEMPLATE="old")
    assert code == 1
    assert ROLLOUT not in calls
    assert "rollback volcast 3 " in calls


def test_a_cluster_that_does_not_answer_is_left_alone(folder: Path):
    code, calls = deployed(folder, FAILS="helm --namespace volcast list")
    assert code != 0
    assert len(calls.splitlines()) == 1


@pytest.mark.parametrize("options", [("--seconds", "soon"), ("--again",)])
def test_wrong_options_are_refused(folder: Path, options: tuple[str, ...]):
    ended = subprocess.run(
        [CHART / "deploy.sh", *options, "volcast", "chart.tgz"], capture_output=True, check=False
    )
    assert ended.returncode == 2
