"""manifests/kind/up.sh, with stubs of docker, kind, kubectl and helm."""

import os
import re
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.charted import chosen, images, objects_in, overlay
from tests.deploy.tools import ROOT, TEMPLATE, tool
from volcast.steps import IMAGES

PYTHON = ROOT / ".venv/bin/python"
NAMES = {*IMAGES.values(), "serving", "dashboard"}

# Takes the place of each program that up.sh calls and records the call; docker and kind remember
# what was made. kustomize and python are the real ones.
STUB = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >>"$CALLS"
case "$(basename "$0") $*" in
  "docker inspect --format {{.State.Running}}"*) cat "$CALLS.registry" 2>/dev/null || exit 1 ;;
  "docker run "*) echo true >"$CALLS.registry" ;;
  "docker inspect --format {{json"*) cat "$CALLS.network" 2>/dev/null || echo null ;;
  "docker network connect"*) echo '{"IPAddress": "172.18.0.2"}' >"$CALLS.network" ;;
  "docker image inspect"*) for last; do :; done
    echo "elsewhere.example/volcast/${last##*/}@sha256:$(printf '0%.0s' {1..64})"
    name=${last##*/}
    echo "localhost:5001/volcast/${name%:*}@sha256:$(printf "$DIGIT%.0s" {1..64})" ;;
  "docker exec --interactive"*) cat >>"$CALLS.hosts" ;;
  "kind get clusters") cat "$CALLS.clusters" 2>/dev/null || true ;;
  "kind create cluster"*) echo volcast >"$CALLS.clusters" ;;
  "kind get nodes"*) printf 'volcast-control-plane\\nvolcast-worker\\n' ;;
  "kubectl "*"--filename -") cat >"$CALLS.applied" ;;
  "kubectl "*"get pods "*) echo true ;;
  "kubectl "*Ready*) echo "$READY" ;;
esac
"""


class Machine:
    """A copy of the tree's parts that the script needs, with stubs in place of the programs."""

    def __init__(self, folder: Path) -> None:
        self.root, self.calls = folder / "tree", folder / "calls"
        for part in ("manifests", "helm", "pipelines", "components"):
            shutil.copytree(ROOT / part, self.root / part)
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("docker", "kind", "kubectl", "helm"):
            self.put(self.bin / name, STUB)
        for part in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / part, self.root)
        interpreter = self.root / ".venv/bin/python"
        interpreter.parent.mkdir(parents=True)
        self.put(interpreter, f'#!/bin/sh\necho "python $*" >>"$CALLS"\nexec {PYTHON} "$@"\n')
        real = f'{tool("kustomize")} "$@" --helm-command {tool("helm")}'
        self.put(self.bin / "kustomize", f'#!/bin/sh\necho "kustomize $*" >>"$CALLS"\n{real}\n')

    @staticmethod
    def put(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def up(
        self, digit: str = "1", ready: str = "", **settings: str
    ) -> "subprocess.CompletedProcess[str]":
        self.calls.write_text("")
        environment = os.environ | {
            "PATH": f"{self.bin}:/usr/bin:/bin", "CALLS": str(self.calls), "DIGIT": digit,
            "READY": ready,
        } | settings  # fmt: skip
        return subprocess.run(
            [self.root / "manifests/kind/up.sh"], env=environment, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()

    def applied(self) -> str:
        """Return what kubectl applied, and what the chart renders with the values that helm got."""
        (upgrade,) = (call for call in self.called() if " upgrade --install volcast " in call)
        values = re.findall(r"--values \S+", upgrade)
        chart = subprocess.run(
            [tool("helm"), *TEMPLATE, "helm/volcast", *" ".join(values).split()],
            cwd=self.root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return self.calls.with_suffix(".applied").read_text() + "---\n" + chart.stdout

    def files(self) -> dict[str, bytes]:
        made = self.root / "var/kind"
        return {
            str(path.relative_to(made)): path.read_bytes()
            for path in sorted(made.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    made = Machine(tmp_path_factory.mktemp("kind"))
    ended = made.up()
    assert ended.returncode == 0, ended.stderr[-3000:]
    made.first = made.called()
    return made


ORDER = (
    "docker run --detach --restart=always --publish 127.0.0.1:5001:5000",
    "kind create cluster --name volcast",
    "docker network connect kind volcast-registry",
    "helm --kube-context kind-volcast upgrade --install cert-manager",
    "kubectl --context kind-volcast apply --server-side --filename https://github.com/kubernetes-sigs",
    "helm --kube-context kind-volcast upgrade --install kserve-crd",
    "helm --kube-context kind-volcast upgrade --install kserve ",
    "kubectl --context kind-volcast apply --kustomize github.com/kubeflow/pipelines",
    "kubectl --context kind-volcast --namespace kubeflow rollout status deployment/ml-pipeline",
    "docker build --quiet --file components/Dockerfile --build-arg EXTRA=data",
    "docker push localhost:5001/volcast/data:dev",
    "python -m pipelines.compile",
    "kustomize build",
    "kubectl --context kind-volcast apply --server-side --force-conflicts --filename -",
    "helm --kube-context kind-volcast --namespace volcast upgrade --install volcast helm/volcast",
    "kubectl --context kind-volcast --namespace volcast get pods",
)


def test_up_does_its_steps_in_order(machine: Machine):
    text = "\n".join(machine.first).replace("--for=", "--for ")
    places = [text.find(step) for step in ORDER]
    assert -1 not in places, ORDER[places.index(-1)]
    assert places == sorted(places)


def test_up_builds_every_image_and_deploys_it_by_digest(machine: Machine):
    builds = [call for call in machine.first if "docker build" in call]
    assert {re.search(r"EXTRA=(\w+)", call)[1] for call in builds} == NAMES
    applied, digest = objects_in(machine.applied()), "@sha256:" + "1" * 64
    packages = chosen(applied, "ConfigMap", "volcast-pipelines")["data"]
    assert packages.keys() == {path.name for path in (ROOT / "pipelines/compiled").glob("*.yaml")}
    steps = {image for text in packages.values() for image in re.findall(r"image: (\S+)", text)}
    parts = {image for image in images(applied) if "/volcast/" in image}
    for names, deployed in ((set(IMAGES.values()), steps), ({"serving", "dashboard"}, parts)):
        assert deployed == {f"localhost:5001/volcast/{name}{digest}" for name in names}


def test_build_arguments_come_from_the_environment(machine: Machine):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    settings = {"BASE": "mirror.example/python:3.11", "INDEX_URL": "", "SOURCE_URL": "https://x"}
    assert machine.up(**settings).returncode == 0
    builds = [call for call in machine.called() if call.startswith("docker build")]
    assert len(builds) == len(NAMES)
    for call in builds:
        arguments = dict(re.findall(r"--build-arg (\w+)(?:=(\S*))?", call))
        assert arguments.pop("EXTRA") in NAMES
        # A name alone: docker reads the value, which may hold a password, from the environment.
        assert arguments == {**settings, "VERSION": version, "REVISION": "unknown"}
        assert "--build-arg INDEX_URL --build-arg" in call
    assert not [call for call in machine.first if "BASE=" in call]


def test_up_applies_the_overlay_and_secrets_only(machine: Machine):
    def names(some: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
        return {
            (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in some
        }

    applied, rendered = names(objects_in(machine.applied())), names(overlay("kind"))
    assert rendered <= applied
    assert {kind for kind, _, _ in applied - rendered} == {"Secret"}


def test_the_keys_of_a_cluster_are_long_unique_and_private(machine: Machine):
    for name in ("store.env", "tokens", "identities.json"):
        path = machine.root / "var/kind" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = re.findall(r"=([0-9a-f]+)", (machine.root / "var/kind/store.env").read_text())
    assert [len(key) for key in keys] == [48, 48]
    assert len({*keys, (machine.root / "var/kind/tokens").read_text()}) == 3


def test_nodes_resolve_localhost_to_the_registry(machine: Machine):
    hosts = machine.calls.with_suffix(".hosts").read_text()
    assert set(hosts.split("\n")) == {'[host."http://volcast-registry:5000"]', ""}


def test_a_trained_server_must_be_ready_and_forecast(machine: Machine):
    assert "test volcast" not in "\n".join(machine.first)
    assert machine.up(ready="True").returncode == 0
    order = ("upgrade --install volcast ", "rollout status deployment/volcast-predictor",
             "wait --for condition=Ready inferenceservice/volcast", "test volcast")  # fmt: skip
    calls = "\n".join(machine.called())
    places = [calls.find(step) for step in order]
    assert places[0] > -1
    assert places == sorted(places)


def test_up_twice_creates_nothing_new(machine: Machine):
    before, applied = machine.files(), machine.applied()
    assert machine.up().returncode == 0
    made = ("docker run", "kind create", "docker network connect", "docker rm")
    assert not [call for call in machine.called() if call.startswith(made)]
    assert machine.files() == before
    assert machine.applied() == applied


def test_up_reports_every_missing_program_before_it_starts(tmp_path: Path):
    bare = Machine(tmp_path)
    for name in ("kind", "helm"):
        (bare.bin / name).unlink()
    ended = bare.up()
    assert ended.returncode == 2
    assert "missing: kind,helm" in ended.stderr
    assert bare.called() == []
