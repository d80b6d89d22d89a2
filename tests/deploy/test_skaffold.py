"""skaffold builds every image from the repository's files, and its hooks hand digests on."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from pipelines.schedules import SCHEDULES
from volcast.steps import IMAGES

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
STEPS = set(IMAGES.values())
ARTIFACTS = {one["image"].removeprefix("volcast/"): one for one in CONFIG["build"]["artifacts"]}
(RELEASE,) = CONFIG["deploy"]["helm"]["releases"]
DIGESTS = {name: f"sha256:{str(n) * 64}" for n, name in enumerate(sorted(STEPS))}


def test_it_builds_the_images_of_the_steps_and_of_the_servers():
    assert ARTIFACTS.keys() == STEPS | {"serving", "dashboard"}
    assert len(ARTIFACTS) == len(CONFIG["build"]["artifacts"])


@pytest.mark.parametrize("image", ARTIFACTS)
def test_an_image_is_built_of_its_dockerfile_with_its_lock(image):
    docker = ARTIFACTS[image]["docker"]
    folder = "components" if image in STEPS else "serving"
    assert docker == {"dockerfile": f"{folder}/Dockerfile", "buildArgs": {"EXTRA": image}}
    assert (ROOT / docker["dockerfile"]).is_file()
    assert (ROOT / f"requirements/{image}.txt").is_file()
    assert "context" not in ARTIFACTS[image]


def test_the_chart_is_given_the_schedules_pipelines_and_the_digests_of_the_servers():
    assert (ROOT / RELEASE["chartPath"] / "Chart.yaml").is_file()
    packages = {
        f"pipelines.packages.{one.package}".replace(".yaml", r"\.yaml"): (
            f"dist/pipelines/{one.package}"
        )
        for one in SCHEDULES
    }
    assert RELEASE["setFiles"] == packages
    assert RELEASE["setValueTemplates"] == {
        "image.registry": "{{.SKAFFOLD_DEFAULT_REPO}}",
        "image.digests.serving": "{{.IMAGE_DIGEST_volcast_serving}}",
        "image.digests.dashboard": "{{.IMAGE_DIGEST_volcast_dashboard}}",
    }


def test_helm_takes_over_what_kubectl_applied_and_leaves_it_when_skaffold_stops():
    taking = ["--take-ownership"]
    assert CONFIG["deploy"]["helm"]["flags"] == {"install": taking, "upgrade": taking}
    told = re.findall(r"skaffold dev .+", (ROOT / "skaffold.yaml").read_text())
    assert told == ["skaffold dev -p kind --cleanup=false"]


def test_each_profile_gives_the_chart_values_of_its_own_and_kinds_never_leaves_its_cluster():
    given = {
        profile["name"]: {patch["path"]: patch["value"] for patch in profile["patches"]}
        for profile in CONFIG["profiles"]
    }
    values = "/deploy/helm/releases/0/valuesFiles"
    assert given == {
        "kind": {
            values: ["manifests/overlays/kind/values.yaml"],
            "/deploy/kubeContext": "kind-volcast",
        },
        "eks": {values: ["{{.VOLCAST_VALUES}}"]},
    }
    assert (ROOT / "manifests/overlays/kind/values.yaml").is_file()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the hooks run, with a docker that knows what was pushed."""
    for folder in ("pipelines", "components"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        f"digests = {DIGESTS!r}\n"
        "repository, _, tag = sys.argv[-1].rpartition(':')\n"
        "name = repository.rpartition('/')[2]\n"
        "digest = 'sha256:' + 'f' * 64 if tag == 'again' else digests.get(name)\n"
        "print(json.dumps(digest and ['elsewhere/x@sha256:0', f'{repository}@{digest}']))\n"
    )
    docker.chmod(0o755)
    return tmp_path


def ran(checkout: Path, command: list[str], image: str = "") -> subprocess.CompletedProcess[str]:
    path = f"{checkout}/bin:{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, check=False,
        env={"PATH": path, "SKAFFOLD_IMAGE": image},
    )  # fmt: skip


def noted(checkout: Path, name: str, tag: str = "abc") -> subprocess.CompletedProcess[str]:
    (hook,) = ARTIFACTS[name]["hooks"]["after"]
    return ran(checkout, hook["command"], f"localhost:5001/volcast/{name}:{tag}")


def compiled(checkout: Path) -> subprocess.CompletedProcess[str]:
    (hook,) = CONFIG["deploy"]["helm"]["hooks"]["before"]
    return ran(checkout, hook["host"]["command"])


def test_the_hooks_make_the_packages_that_the_chart_is_given(checkout):
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda name: noted(checkout, name), sorted(STEPS)))
    assert [one.returncode for one in ended] == [0] * len(STEPS), ended
    assert compiled(checkout).returncode == 0
    for path in RELEASE["setFiles"].values():
        text = (checkout / path).read_text()
        assert f"image: localhost:5001/volcast/data:abc@{DIGESTS['data']}" in text
        assert "latest" not in text
    assert noted(checkout, "model", "again").returncode == 0
    assert compiled(checkout).returncode == 0
    text = (checkout / "dist/pipelines/train.yaml").read_text()
    assert f"image: localhost:5001/volcast/model:again@sha256:{'f' * 64}" in text
    assert DIGESTS["model"] not in text
    builds = json.loads((checkout / "dist/build.json").read_text())["builds"]
    assert sorted(one["imageName"] for one in builds) == sorted(f"volcast/{n}" for n in STEPS)


def test_the_hooks_take_what_skaffold_itself_writes(checkout):
    builds = [
        {"imageName": f"volcast/{name}", "tag": f"r/volcast/{name}:1@{DIGESTS.get(name, '')}"}
        for name in ARTIFACTS
    ]
    (checkout / "dist").mkdir()
    (checkout / "dist/build.json").write_text(json.dumps({"builds": builds}))
    assert compiled(checkout).returncode == 0
    text = (checkout / "dist/pipelines/daily_inference.yaml").read_text()
    assert f"image: r/volcast/drift:1@{DIGESTS['drift']}" in text


def test_an_image_that_was_not_built_or_not_pushed_stops_the_deployment(checkout):
    ended = noted(checkout, "data")
    assert ended.returncode == 0
    ended = compiled(checkout)
    assert ended.returncode == 2
    assert "model: found none" in ended.stderr
    (hook,) = ARTIFACTS["data"]["hooks"]["after"]
    ended = ran(checkout, hook["command"], "localhost:5001/volcast/unknown:abc")
    assert ended.returncode == 1
    assert "push it to a registry" in ended.stderr


def test_the_hook_that_notes_an_image_says_what_it_lacks(checkout):
    (hook,) = ARTIFACTS["data"]["hooks"]["after"]
    ended = ran(checkout, hook["command"])
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "SKAFFOLD_IMAGE" in ended.stderr
    ended = subprocess.run(
        hook["command"], cwd=checkout, capture_output=True, text=True, check=False,
        env={"PATH": str(checkout / "nothing"), "SKAFFOLD_IMAGE": "r/volcast/data:1"},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "docker" in ended.stderr


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"builds": [{"imageName": null, "tag": "x"}]}', '{"builds": [1]}']
)
def test_a_note_that_is_none_is_left_as_it_is(checkout, text):
    path = checkout / "dist/build.json"
    path.parent.mkdir()
    path.write_text(text)
    ended = noted(checkout, "data")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert str(path) in ended.stderr
    assert path.read_text() == text
