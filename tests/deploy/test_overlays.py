"""The overlays as kustomize builds them, and the script that brings them to a kind cluster."""

import os
import re
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.aws_account import ACCOUNT, BUCKET, REGION, TAKERS, resources, roles
from tests.deploy.charted import chosen, objects_in, pod_specs
from tests.deploy.overlays import OVERLAYS, built, overlay
from tests.deploy.tools import MANIFESTS, ROOT, tool
from volcast.steps import IMAGES, ROLES

NAMESPACES = {"volcast", "kubeflow", "storage"}
WIDE = {"Namespace", "GatewayClass", "StorageClass", "ClusterSecretStore"}
TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"  # noqa: S105 -- a path


def images(objects: list[dict[str, Any]]) -> set[str]:
    return {
        container["image"]
        for one in objects
        for spec in pod_specs(one)
        for container in (*spec["containers"], *spec.get("initContainers", ()))
    }


@pytest.mark.parametrize("name", OVERLAYS)
def test_objects_are_in_our_namespaces_and_hold_no_password(name: str):
    objects = overlay(name)
    namespaces = {one["metadata"].get("namespace") for one in objects if one["kind"] not in WIDE}
    assert namespaces <= NAMESPACES
    (secret,) = (one for one in objects if one["kind"] == "Secret")
    assert secret["metadata"]["name"] == "volcast-online"
    assert secret["stringData"] == {"url": "redis://volcast-redis.volcast.svc:6379"}


def test_every_secret_of_a_pod_is_created():
    script = (MANIFESTS / "kind/up.sh").read_text()
    for name, made in {
        "kind": set(re.findall(r"- \{name: ([\w-]+), namespace", script)),
        "eks": {o["metadata"]["name"] for o in overlay("eks") if o["kind"] == "ExternalSecret"},
    }.items():
        assert required_secrets(overlay(name)) <= made, name


def required_secrets(objects: list[dict[str, Any]]) -> set[str]:
    names = set()
    for one in objects:
        for spec in pod_specs(one):
            names |= set(re.findall(r"secretName: (\S+)", yaml.safe_dump(spec)))
            for container in spec["containers"]:
                for variable in container.get("env", ()):
                    ref = variable.get("valueFrom", {}).get("secretKeyRef", {})
                    names |= {ref["name"]} if ref and not ref.get("optional") else set()
    return names


ROLE_ARN = "eks.amazonaws.com/role-arn"


def test_the_roles_of_steps_and_parts_exist_in_the_stack():
    roles_of_steps = dict(chosen(overlay("eks"), "ConfigMap", "volcast-roles")["data"])
    assert roles_of_steps.pop("token_file") == TOKEN_FILE
    assert roles_of_steps.keys() == set(ROLES.values())
    annotated = {
        f"{one['metadata']['namespace']}:{one['metadata']['name']}": annotations[ROLE_ARN]
        for one in overlay("eks")
        if one["kind"] == "ServiceAccount"
        and ROLE_ARN in (annotations := one["metadata"].get("annotations", {}))
    }
    arns = {role: f"arn:aws:iam::{ACCOUNT}:role/volcast-{role}" for role in roles()}
    assert {*roles_of_steps.items()} <= {*arns.items()}
    assert annotated == {
        account: arns["pipelines" if account.startswith("kubeflow:") else role]
        for role, accounts in TAKERS.items()
        for account in accounts
    }


def test_store_registry_and_secrets_on_eks_are_those_of_the_stack():
    settings = chosen(overlay("eks"), "ConfigMap", "volcast-settings")["data"]
    assert settings["VOLCAST_STORE"] == f"s3://{BUCKET.rpartition(':')[2]}/store"
    ours = {image for image in images(overlay("eks")) if "/volcast/" in image}
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    assert {image.partition("/")[0] for image in ours} == {registry}
    secrets = {
        one["Properties"]["Name"]
        for one in resources().values()
        if one["Type"] == "AWS::SecretsManager::Secret"
    }
    extracted = {
        source["extract"]["key"]
        for one in overlay("eks")
        if one["kind"] == "ExternalSecret"
        for source in one["spec"]["dataFrom"]
    }
    assert extracted < secrets


def test_predict_on_eks_is_served_by_tls_only_and_needs_a_token():
    gateway = chosen(overlay("eks"), "Gateway", "volcast")["spec"]
    (listener,) = gateway["listeners"]
    certificate = chosen(overlay("eks"), "Certificate", "volcast")["spec"]
    assert listener["protocol"] == "HTTPS"
    assert listener["tls"]["certificateRefs"][0]["name"] == certificate["secretName"]
    assert certificate["dnsNames"] == [listener["hostname"]]
    server = chosen(overlay("eks"), "InferenceService", "volcast")["spec"]["predictor"]
    assert "VOLCAST_AUTH_TOKEN_FILE" in {item["name"] for item in server["containers"][0]["env"]}
    classes = {one["metadata"]["name"] for one in overlay("eks") if one["kind"] == "GatewayClass"}
    assert gateway["gatewayClassName"] in classes


def cluster(path: str) -> dict[str, Any]:
    return yaml.safe_load((MANIFESTS / path).read_text())


def test_the_eks_cluster_has_what_pods_and_policies_rely_on():
    config = cluster("eks/cluster.yaml")
    assert config["iam"]["withOIDC"] is True
    addons = {addon["name"]: addon for addon in config["addons"]}
    assert '"enableNetworkPolicy": "true"' in addons["vpc-cni"]["configurationValues"]
    groups = {group["name"]: group for group in config["managedNodeGroups"]}
    # Only training tolerates this taint, and only it may lose its node.
    assert [name for name, group in groups.items() if group.get("spot")] == ["training"]
    assert groups["training"]["labels"] == {"volcast-training": "true"}
    assert groups["training"]["taints"] == [
        {"key": "volcast-training", "value": "true", "effect": "NoSchedule"}
    ]
    for group in groups.values():  # else a pod gets the role of its node
        assert group["disablePodIMDS"] is True


def test_the_local_port_leads_to_the_servers_node_port():
    nodes = cluster("kind/cluster.yaml")["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker"]
    mapped = nodes[1]["extraPortMappings"][0]
    service = chosen(overlay("kind"), "Service", "volcast-here")["spec"]
    assert mapped["containerPort"] == service["ports"][0]["nodePort"]
    assert mapped["listenAddress"] == "127.0.0.1"
    labels = chosen(overlay("kind"), "InferenceService", "volcast")["spec"]["predictor"]["labels"]
    assert service["selector"].items() <= labels.items()


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

    def up(self, digit: str = "1", **settings: str) -> "subprocess.CompletedProcess[str]":
        self.calls.write_text("")
        environment = os.environ | {
            "PATH": f"{self.bin}:/usr/bin:/bin", "CALLS": str(self.calls), "DIGIT": digit
        } | settings  # fmt: skip
        return subprocess.run(
            [self.root / "manifests/kind/up.sh"], env=environment, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()

    def applied(self) -> str:
        return self.calls.with_suffix(".applied").read_text()

    def files(self) -> dict[str, bytes]:
        made = self.root / "var/kind"
        return {
            str(path.relative_to(made)): path.read_bytes()
            for path in sorted(made.rglob("*"))
            if path.is_file()
        }


PYTHON = ROOT / ".venv/bin/python"


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
    "kubectl --context kind-volcast --namespace volcast wait --for condition=complete"
    " --timeout=600s job/volcast-schedules",
)


def test_up_does_its_steps_in_order(machine: Machine):
    text = "\n".join(machine.first).replace("--for=", "--for ")
    places = [text.find(step) for step in ORDER]
    assert -1 not in places, ORDER[places.index(-1)]
    assert places == sorted(places)


NAMES = {*IMAGES.values(), "serving", "dashboard"}


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


def test_the_documented_command_replaces_every_example_value(tmp_path: Path):
    for part in ("manifests", "helm"):
        shutil.copytree(ROOT / part, tmp_path / part)
    page = (ROOT / "docs/kubernetes.md").read_text()
    command = re.search(r"^sed -i .*?\.yaml$", page, re.M | re.S)
    assert command is not None
    own = {"AWS_REGION": "us-west-2", "HOST": "v.example.org", "KEY": "k1"}
    own["ACCOUNT"] = "999999999999"
    subprocess.run(["bash", "-euc", command[0]], cwd=tmp_path, env=os.environ | own, check=True)
    whole = (tmp_path / "manifests/eks/cluster.yaml").read_text()
    whole += built(tmp_path / "manifests/overlays/eks")
    for example in (ACCOUNT, REGION, "volcast.example.com", "00000000-0000"):
        assert example not in whole
    assert "arn:aws:iam::999999999999:role/volcast-infer" in whole
    assert "arn:aws:kms:us-west-2:999999999999:key/k1" in whole
