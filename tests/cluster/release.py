"""volcast in namespaces of the tests: what kind's overlay and values have, with other names."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.cluster import Cluster
from tests.deploy.tools import CHART, MANIFESTS

__all__ = ["BUCKET", "NAMESPACES", "ROWS", "TAG", "Release"]

NAMESPACES = {
    "volcast": "volcast-test",
    "kubeflow": "volcast-test-kubeflow",
    "storage": "volcast-test-storage",
}
"""Namespace of the tests by the one of kind's overlay."""

OURS, PIPELINES, STORAGE = NAMESPACES.values()
BUCKET = "volcast"
TAG = os.environ.get("VOLCAST_TEST_TAG", "test")
REGISTRY = os.environ.get("VOLCAST_TEST_REGISTRY", "docker.io")
TOKEN = "of-no-worth"  # noqa: S105

_KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": TOKEN}

_PREDICT = """
import json, os, sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"authorization": f"Bearer {sys.argv[2]}"})
try:
    with urllib.request.urlopen(request, timeout=float(sys.argv[3])) as answer:
        print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""

_LOAD = """
import collections, json, socket, sys, threading, time, urllib.parse, urllib.request
url, end = urllib.parse.urlsplit(sys.argv[1]), time.monotonic() + float(sys.argv[3])
headers = {"authorization": f"Bearer {sys.argv[2]}", "host": url.netloc}
def resolved():
    while True:
        try:
            return socket.gethostbyname(url.hostname)
        except socket.gaierror:
            time.sleep(0.5)
address = url._replace(netloc=f"{resolved()}:{url.port or 80}").geturl()
counts = collections.Counter()
def ask():
    while time.monotonic() < end:
        request = urllib.request.Request(address, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                counts[str(answer.status)] += 1
        except OSError as error:
            counts[repr(error)] += 1
        time.sleep(0.05)
threads = [threading.Thread(target=ask) for _ in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
print(json.dumps(counts))
"""
# The name is resolved once: the tests count requests the Service failed, and a cluster's DNS on
# two busy cores may miss one query of a thousand.

_CONNECT = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
"""

_MIRRORED = """
import urllib.request
address = "http://localhost:5000/api/2.0/mlflow/registered-models/alias?name=volcast&alias=champion"
print(urllib.request.urlopen(address, timeout=20).read().decode().replace("\\n", ""))
"""

ROWS = """
import os, sys
from volcast.store import Store
from volcast.store import tables
rows = Store.open(os.environ["VOLCAST_STORE"]).read(tables.PREDICTIONS_DAILY).to_pandas()
print(rows.to_json(orient="records", date_format="iso", double_precision=15))
"""


def _moved(tree: Any, key: str = "") -> Any:
    """Return an object of kind's overlay, moved into the namespaces of the tests."""
    if isinstance(tree, dict):
        moved = {k: _moved(v, k) for k, v in tree.items()}
        if tree.get("kind") == "Namespace":
            moved["metadata"]["name"] = NAMESPACES[tree["metadata"]["name"]]
        return moved
    if isinstance(tree, list):
        return [_moved(one, key) for one in tree]
    if key in ("namespace", "kubernetes.io/metadata.name"):
        return NAMESPACES.get(tree, tree)
    if key == "image" and "/volcast/" in tree:
        return f"{REGISTRY}/volcast/{tree.rpartition('/')[2].partition(':')[0]}:{TAG}"
    return tree.replace(".storage.svc", f".{STORAGE}.svc") if isinstance(tree, str) else tree


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    for one in yaml.safe_load_all(path.read_text()):
        yield _moved(one)


def _secret(namespace: str, name: str, data: dict[str, str]) -> dict[str, Any]:
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": data}


@dataclass(frozen=True)
class Release:
    """The release with its store, and what the tests ask of it."""

    cluster: Cluster
    folder: Path

    def prepare(self) -> None:
        """Make namespaces, keys and the S3 with its bucket."""
        base = next(_objects(MANIFESTS / "base/namespace.yaml"))
        steps = base | {"metadata": base["metadata"] | {"name": PIPELINES}}
        user = {"name": "volcast", "actions": ["Admin", "Read", "Write", "List"], "credentials": [
            {"accessKey": _KEYS["AWS_ACCESS_KEY_ID"], "secretKey": _KEYS["AWS_SECRET_ACCESS_KEY"]},
        ]}  # fmt: skip
        storage = list(_objects(MANIFESTS / "overlays/kind/seaweedfs.yaml"))
        self.cluster.apply([base, steps, *(one for one in storage if one["kind"] == "Namespace")])
        self.cluster.apply([
            _secret(OURS, "volcast-store", _KEYS), _secret(PIPELINES, "volcast-store", _KEYS),
            _secret(OURS, "volcast-tokens", {"tokens": TOKEN}),
            _secret(STORAGE, "seaweedfs-identities",
                    {"identities.json": json.dumps({"identities": [user]})}),
            *storage,
        ])  # fmt: skip
        limit = "--timeout=300s"
        self.cluster.kubectl("-n", STORAGE, "rollout", "status", "statefulset/seaweedfs", limit)
        self.cluster.wait(OURS, "--for=condition=complete", "job/volcast-bucket")

    def values(self) -> Path:
        """Write kind's values for these namespaces, without what needs Kubeflow or Prometheus."""
        values = _moved(yaml.safe_load((CHART / "environments/kind.yaml").read_text()))
        values |= {
            "image": {"registry": REGISTRY, "tag": TAG},
            "schedules": {"enabled": False},
            "pipelines": {"namespace": PIPELINES},
            "monitoring": {"enabled": False},
        }
        path = self.folder / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    def deploy(self, *options: str, sets: tuple[str, ...] = ()) -> tuple[int, str]:
        """Run the chart's deploy.sh; return its exit code and what it printed."""
        return self.cluster.ran(
            "bash", str(CHART / "deploy.sh"), *options, "--context", self.cluster.context, OURS,
            str(CHART), "--values", str(self.values()), *(f"--set={one}" for one in sets),
            seconds=2400,
        )  # fmt: skip

    def run_pipelines(self, pipeline: str, *options: str) -> tuple[int, str]:
        """Run pipelines on the cluster, each step a Job; return exit code and output."""
        return self.cluster.ran(
            sys.executable, "-m", "tests.cluster.run_in_pods", self.cluster.context, PIPELINES,
            f"{REGISTRY}/volcast", TAG, pipeline, "--source", "sample",
            "--store", f"s3://{BUCKET}/store", "--pipeline-root", str(self.folder / "artifacts"),
            *options, seconds=3600,
        )  # fmt: skip

    def start_client(self) -> None:
        """Start a pod that may call the server, as `helm test`'s may."""
        labels = {f"app.kubernetes.io/{k}": v for k, v in (
            ("name", "volcast"), ("instance", "volcast"), ("component", "test"))}  # fmt: skip
        self.start_pod("client", labels)

    def start_pod(self, name: str, labels: dict[str, str], namespace: str = OURS) -> None:
        """Start a pod that waits for scripts."""
        container = {
            "name": name, "image": f"{REGISTRY}/volcast/serving:{TAG}",
            "command": ["sleep", "7200"], "imagePullPolicy": "IfNotPresent",
            "securityContext": {
                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True, "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }  # fmt: skip
        about = {"name": name, "namespace": namespace, "labels": labels}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}
        self.cluster.apply([pod])
        self.cluster.wait(namespace, "--for=condition=Ready", f"pod/{name}")

    def predict(self, pod: str = "client", token: str = TOKEN, query: str = "") -> tuple[int, str]:
        """Ask the server from a pod; return status and body, 0 where nothing answers."""
        address = f"http://volcast-serving.{OURS}.svc:8080/predict{query}"
        code, printed = self.cluster.python(OURS, pod, _PREDICT, address, token, "10")
        if code:
            return 0, printed
        status, _, body = printed.partition(" ")
        return int(status), body

    def load(self, seconds: int) -> Callable[[], dict[str, int]]:
        """Ask for forecasts from the client; return what waits, and counts answers by status.

        A process of the client's own asks: an exec would end with the kubelet.
        """
        begin = (
            "import subprocess, sys\n"
            "streams = {'stdin': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}\n"
            "with open('/tmp/load', 'w') as file:\n"
            "    command = [sys.executable, '-c', *sys.argv[1:]]\n"
            "    subprocess.Popen(command, stdout=file, start_new_session=True, **streams)"
        )
        address = f"http://volcast-serving.{OURS}.svc:8080/predict"
        arguments = (begin, _LOAD, address, TOKEN, str(seconds))
        code, printed = self.cluster.python(OURS, "client", *arguments)
        assert code == 0, printed[-3000:]

        def counted() -> dict[str, int]:
            printed = ""

            def ended() -> bool:
                nonlocal printed
                read = "print(open('/tmp/load').read())"
                code, printed = self.cluster.python(OURS, "client", read)
                return code == 0 and bool(printed.strip())

            self.cluster.until(ended, "the load ends", seconds + 60)
            return json.loads(printed)

        return counted

    def reaches(self, pod: str, service: str, port: int, namespace: str = OURS) -> bool:
        """Return whether a pod can connect to a service, named with its namespace."""
        return self.cluster.python(namespace, pod, _CONNECT, f"{service}.svc", str(port))[0] == 0

    def replace(self, component: str, namespace: str = OURS) -> list[dict[str, Any]]:
        """Delete the pods of a part, wait for ready ones, and return their containers' states."""
        label = {STORAGE: f"app={component}"}.get(
            namespace, f"app.kubernetes.io/component={component}"
        )
        self.cluster.kubectl("-n", namespace, "delete", "pod", "--selector", label)
        self.cluster.until(
            lambda: bool(self.cluster.get(namespace, "pods", "--selector", label)["items"]),
            f"a new pod of {component}",
        )
        self.cluster.wait(namespace, "--for=condition=Ready", "pod", "--selector", label)
        pods = self.cluster.get(namespace, "pods", "--selector", label)["items"]
        return [one for pod in pods for one in pod["status"]["containerStatuses"]]

    def mirrored_champion(self) -> dict[str, Any]:
        """Return the champion as MLflow has it."""
        code, printed = self.cluster.python(OURS, "statefulset/volcast-mlflow", _MIRRORED)
        assert code == 0, printed[-3000:]
        return json.loads(printed.splitlines()[-1])["model_version"]

    def forecasts(self) -> list[dict[str, Any]]:
        """Return the published forecasts of the store, as the server's pod reads them."""
        code, printed = self.cluster.python(OURS, "deployment/volcast-predictor", ROWS)
        assert code == 0, printed[-3000:]
        return json.loads(printed.splitlines()[-1])

    def registry(self, *arguments: str) -> str:
        """Run ``volcast registry`` in the server's pod, and return what it printed."""
        pod = "deployment/volcast-predictor"
        return self.cluster.kubectl(
            "-n", OURS, "exec", pod, "--", "volcast", "registry", *arguments
        )

    def uninstall(self) -> None:
        """Uninstall the chart by helm."""
        context = ("--kube-context", self.cluster.context, "--namespace", OURS)
        code, printed = self.cluster.ran("helm", *context, "uninstall", "volcast", "--wait")
        assert code == 0, printed

    def objects(self, namespace: str) -> set[str]:
        """Return what a namespace has of volcast but pods, as ``Kind/name``."""
        kinds = (
            "deployment,statefulset,job,service,secret,serviceaccount,role,rolebinding,"
            "persistentvolumeclaim,networkpolicy,poddisruptionbudget,inferenceservice,configmap"
        )
        names = {
            f"{one['kind']}/{one['metadata']['name']}"
            for one in self.cluster.get(namespace, kinds)["items"]
        }
        return {name for name in names if "/volcast" in name}

    def remove(self) -> None:
        """Remove all namespaces of the tests."""
        names = NAMESPACES.values()
        self.cluster.kubectl("delete", "namespace", *names, "--ignore-not-found", seconds=900)
