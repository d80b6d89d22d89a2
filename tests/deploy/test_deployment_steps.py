"""The scripts of the workflow that deploys, run with stubs of all programs but bash and jq."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipelines.compile import COMPILED, render_pinned
from tests.deploy.tools import CHART, ROOT, tool
from tests.deploy.tools import ran as ran_by_tool

STEPS = {
    step["name"]: step["run"]
    for step in yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"][
        "deploy"
    ]["steps"]
    if "run" in step
}
_, REFUSE, FOREIGN, _, DEPLOY = STEPS
NAMES = ("data", "model", "drift", "serving", "dashboard")
BUILD = {name: f"r.example/volcast/{name}@sha256:{str(n) * 64}" for n, name in enumerate(NAMES)}
STUB = """#!/bin/bash
echo "$(basename "$0") $*" >>calls
case "$(basename "$0") $*" in
  "cosign verify $UNSIGNED "* | "cosign verify-blob "*"$UNSIGNED") exit 1 ;;
  "kubectl "*"get pods "*) echo true ;;
esac
"""


@pytest.fixture(scope="module")
def packages() -> dict[str, str]:
    return render_pinned(json.dumps(BUILD))


@pytest.fixture
def runner(tmp_path: Path, packages: dict[str, str]) -> Path:
    """A folder with a release as it is downloaded."""
    assert shutil.which("jq"), "this needs jq, as the workflow does"
    (tmp_path / "bin").mkdir()
    for name in ("aws", "docker", "cosign", "kubectl", "helm", "sudo"):
        (tmp_path / "bin" / name).write_text(STUB)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/build.json").write_text(json.dumps(BUILD))
    for name, text in packages.items():
        (tmp_path / "dist" / name).write_text(text)
    (tmp_path / "dist/volcast-1.2.0.tgz").write_bytes(b"chart")
    (tmp_path / ".github").symlink_to(ROOT / ".github")
    shutil.copytree(CHART / "environments", tmp_path / "helm/volcast/environments")
    sign(tmp_path)
    return tmp_path


def sign(runner: Path) -> None:
    """List the release's files as its workflow does."""
    release = (ROOT / ".github/workflows/release.yml").read_text()
    (command,) = re.findall(r"^ +(sha256sum .*)$", release, re.M)
    environment = os.environ | {"TAG": "v1.2.0"}
    subprocess.run(["bash", "-ec", command], cwd=runner / "dist", env=environment, check=True)


def ran(runner: Path, step: str, **settings: str) -> subprocess.CompletedProcess[str]:
    (runner / "calls").write_text("")
    environment = {
        "PATH": f"{runner}/bin:{os.environ['PATH']}", "TAG": "v1.2.0", "REGISTRY": "r.example",
        "GH_REPO": "o/r", "CLUSTER": "c", "ENVIRONMENT": "staging", "GITHUB_ENV": "environment",
        "UNSIGNED": "none", "UNTRAINED": "false",
    } | settings  # fmt: skip
    script = STEPS[step].replace("/usr/bin/python3", sys.executable)
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=runner, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def called(runner: Path) -> str:
    return (runner / "calls").read_text()


def test_a_signed_complete_release_passes(runner):
    ended = ran(runner, REFUSE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ran(runner, FOREIGN).returncode == 0
    assert ran(runner, REFUSE).returncode == 0
    assert [f"cosign verify {image} " in called(runner) for image in BUILD.values()] == [True] * 5


@pytest.mark.parametrize("name", NAMES)
def test_one_unsigned_image_stops_the_deployment(runner, name):
    assert ran(runner, REFUSE, UNSIGNED=BUILD[name]).returncode != 0


def test_files_whose_list_is_unsigned_stop_the_deployment(runner: Path):
    assert ran(runner, REFUSE, UNSIGNED="SHA256SUMS").returncode != 0
    assert "cosign verify " not in called(runner)


@pytest.mark.parametrize(
    "name", ["build.json", "train.yaml", "daily_inference.yaml", "volcast-1.2.0.tgz"]
)
def test_a_file_that_changed_after_its_signature_stops_the_deployment(runner: Path, name: str):
    with (runner / "dist" / name).open("ab") as file:
        file.write(b"\n")
    assert ran(runner, REFUSE).returncode != 0
    assert "cosign verify " not in called(runner)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "{}", "[]",
        json.dumps({name: BUILD[name] for name in NAMES[1:]}),
        json.dumps(BUILD | {"another": BUILD["data"]}),
        json.dumps(BUILD | {"data": BUILD["model"]}),
        json.dumps(BUILD | {"data": "r.example/volcast/data:v1.2.0"}),
        json.dumps(BUILD | {"data": None}),
    ],
    ids=["empty", "torn", "no image", "a list", "one short", "one more", "swapped", "tag", "null"],
)  # fmt: skip
def test_a_list_other_than_the_five_digests_stops_the_deployment(runner, text):
    (runner / "dist/build.json").write_text(text)
    sign(runner)
    assert ran(runner, REFUSE).returncode != 0
    assert "cosign verify " not in called(runner)


DATA = BUILD["data"]
CHANGES: dict[str, Callable[[str], str]] = {
    "another digest": lambda text: text.replace("sha256:" + "1" * 64, "sha256:" + "f" * 64, 1),
    "another registry": lambda text: text.replace(DATA, f"evil.example/{DATA}", 1),
    "quoted key": lambda text: text.replace(f"image: {DATA}", '"image" : evil.example/x', 1),
    "escaped key": lambda text: text.replace(f"image: {DATA}", '"im\\x61ge": evil.example/x', 1),
    "repeated key": lambda text: text.replace(
        f"        image: {DATA}", f"        image: evil.example/x\n        image: {DATA}", 1
    ),
    "anchor": lambda text: text + "---\nx: &x {image: evil.example/x}\ny: {<<: *x}\n",
    "a list": lambda text: text.replace(f"image: {DATA}", "image: [evil.example/x]", 1),
    "tags": lambda _: (COMPILED / "train.yaml").read_text(),
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("package", ["train.yaml", "daily_inference.yaml"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_pipeline_with_another_image_or_none_stops_the_deployment(
    runner: Path, package: str, change: str
):
    path = runner / "dist" / package
    before = path.read_text()
    path.write_text(CHANGES[change](before))
    assert path.read_text() != before
    ended = ran(runner, FOREIGN)
    assert ended.returncode == 1
    assert f"::error::{package}" in ended.stdout


@pytest.mark.parametrize("untrained", [False, True])
def test_the_script_of_the_packed_chart_deploys_the_digests(runner: Path, untrained: bool):
    ran_by_tool([tool("helm"), "package", str(CHART), "--version", "1.2.0",
                 "--destination", str(runner / "dist")])  # fmt: skip
    values = runner / "helm/volcast/environments/eks-staging.yaml"
    assert ran(runner, DEPLOY).returncode == 1
    assert not called(runner)
    values.write_text(values.read_text().replace("123456789012", "999999999999"))
    ended = ran(runner, DEPLOY, UNTRAINED=str(untrained).lower())
    assert ended.returncode == 0, ended.stderr
    calls = called(runner)
    path = values.relative_to(runner)
    assert f"upgrade --install volcast dist/volcast-1.2.0.tgz --values {path} " in calls
    assert f"image.digests.serving=sha256:{'3' * 64} " in calls
    assert ("test volcast" in calls) == (not untrained)
