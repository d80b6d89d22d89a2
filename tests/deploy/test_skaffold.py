"""skaffold builds every image, and its hooks pass the digests on."""

import json
import os
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


def test_every_image_is_built_and_its_digest_reaches_the_chart():
    assert ARTIFACTS.keys() == STEPS | {"serving", "dashboard"}
    for image, artifact in ARTIFACTS.items():
        dockerfile = "components/Dockerfile" if image in STEPS else "serving/Dockerfile"
        assert artifact["docker"] == {"dockerfile": dockerfile, "buildArgs": {"EXTRA": image}}
        if image not in STEPS:
            template = RELEASE["setValueTemplates"][f"image.digests.{image}"]
            assert template == f"{{{{.IMAGE_DIGEST_volcast_{image}}}}}"
    packages = {f"dist/pipelines/{schedule.package}" for schedule in SCHEDULES}
    assert set(RELEASE["setFiles"].values()) == packages


def test_the_kind_profile_deploys_to_the_kind_cluster_only():
    (kind,) = (profile for profile in CONFIG["profiles"] if profile["name"] == "kind")
    patches = {patch["path"]: patch["value"] for patch in kind["patches"]}
    assert patches["/deploy/kubeContext"] == "kind-volcast"
    assert all((ROOT / path).is_file() for path in patches["/deploy/helm/releases/0/valuesFiles"])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the hooks run, with a docker that lists pushed digests."""
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


def recorded(checkout: Path, name: str, tag: str = "abc") -> subprocess.CompletedProcess[str]:
    (hook,) = ARTIFACTS[name]["hooks"]["after"]
    return ran(checkout, hook["command"], f"localhost:5001/volcast/{name}:{tag}")


def compiled(checkout: Path) -> subprocess.CompletedProcess[str]:
    (hook,) = CONFIG["deploy"]["helm"]["hooks"]["before"]
    return ran(checkout, hook["host"]["command"])


def test_the_hooks_compile_the_packages_of_the_chart(checkout):
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda name: recorded(checkout, name), sorted(STEPS)))
    assert [one.returncode for one in ended] == [0] * len(STEPS), ended
    assert compiled(checkout).returncode == 0
    for path in RELEASE["setFiles"].values():
        text = (checkout / path).read_text()
        assert f"image: localhost:5001/volcast/data:abc@{DIGESTS['data']}" in text
        assert "latest" not in text
    assert recorded(checkout, "model", "again").returncode == 0
    assert compiled(checkout).returncode == 0
    text = (checkout / "dist/pipelines/train.yaml").read_text()
    assert f"image: localhost:5001/volcast/model:again@sha256:{'f' * 64}" in text
    assert DIGESTS["model"] not in text
    builds = json.loads((checkout / "dist/build.json").read_text())["builds"]
    assert sorted(one["imageName"] for one in builds) == sorted(f"volcast/{n}" for n in STEPS)


def test_the_hooks_read_the_build_file_of_skaffold(checkout):
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
    assert recorded(checkout, "data").returncode == 0
    ended = compiled(checkout)
    assert ended.returncode == 2
    assert "model" in ended.stderr
    (hook,) = ARTIFACTS["data"]["hooks"]["after"]
    assert ran(checkout, hook["command"], "localhost:5001/volcast/unknown:abc").returncode == 1
    assert ran(checkout, hook["command"]).returncode == 2
    without_docker = {"PATH": str(checkout / "nothing"), "SKAFFOLD_IMAGE": "r/volcast/data:1"}
    ended = subprocess.run(hook["command"], cwd=checkout, env=without_docker, check=False)
    assert ended.returncode == 2


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"builds": [{"imageName": null, "tag": "x"}]}', '{"builds": [1]}']
)
def test_a_broken_build_file_is_left_unchanged(checkout, text):
    path = checkout / "dist/build.json"
    path.parent.mkdir()
    path.write_text(text)
    assert recorded(checkout, "data").returncode == 1
    assert path.read_text() == text
