"""A release on a cluster, from its first installation to its removal, test after test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.release import OURS, PIPELINES, ROWS, STORAGE, Release
from tests.deploy.tools import ROOT

pytestmark = pytest.mark.timeout(3600)

SERVING = "app.kubernetes.io/component=serving"
PARTS = ("serving", "redis", "mlflow", "exporter", "dashboard", "brief")


def test_the_first_installation_starts_under_the_restricted_standard(release: Release):
    pods = release.cluster.get(OURS, "pods")["items"]
    started = {p["metadata"]["labels"]["app.kubernetes.io/component"] for p in pods}
    assert {*PARTS} <= started


def test_steps_on_the_cluster_forecast_what_a_local_run_forecasts(trained: Release, here: Path):
    environment = os.environ | {"VOLCAST_STORE": str(here)}
    ended = subprocess.run(
        [sys.executable, "-c", ROWS], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    expected, rows = json.loads(ended.stdout.splitlines()[-1]), trained.forecasts()
    assert len(rows) == len(expected) > 0
    for row, other in zip(rows, expected, strict=True):
        numbers = {k: v for k, v in other.items() if isinstance(v, float)}
        assert {k: row[k] for k in numbers} == pytest.approx(numbers, rel=1e-9)
        assert row["session"] == other["session"]


def test_predict_without_a_symbol_is_the_local_forecast(serving: Release, here: Path):
    status, body = serving.predict()
    assert status == 200, body
    assert json.loads(body)["rv_5d"] == pytest.approx(
        serving.forecasts()[-1]["rv_5d_hat"], rel=1e-9
    )


def test_a_caller_without_a_token_is_refused(serving: Release):
    assert serving.predict(token="another")[0] == 401  # noqa: S106


STEP = {"pipelines.kubeflow.org/v2_component": "true"}
SERVER = f"volcast-serving.{OURS}"
REDIS = f"volcast-redis.{OURS}"
MLFLOW = f"volcast-mlflow.{OURS}"
BRIEF = f"volcast-brief.{OURS}"
S3 = f"seaweedfs.{STORAGE}"


@pytest.mark.parametrize(
    ("pod", "labels", "namespace", "open_ports", "closed_ports"),
    [
        ("stranger", {}, OURS, [], [(SERVER, 8080), (REDIS, 6379), (BRIEF, 8081), (MLFLOW, 5000)]),
        ("passer-by", {}, PIPELINES, [], [(SERVER, 8080), (S3, 8333)]),
        ("client", None, OURS, [(SERVER, 8080)], [(REDIS, 6379), (S3, 8333)]),
        ("deployment/volcast-predictor", None, OURS, [(REDIS, 6379), (S3, 8333)], [(BRIEF, 8081)]),
        ("step-infer", STEP | {"volcast/role": "infer"}, PIPELINES, [(S3, 8333)],
         [(REDIS, 6379), (SERVER, 8080)]),
        ("step-materialize", STEP | {"volcast/role": "materialize"}, PIPELINES,
         [(S3, 8333), (REDIS, 6379)], [(SERVER, 8080), (MLFLOW, 5000)]),
        ("step-promote", STEP | {"volcast/role": "promote"}, PIPELINES,
         [(S3, 8333), (MLFLOW, 5000)], [(REDIS, 6379), (SERVER, 8080)]),
    ],
    ids=["stranger", "stranger-to-steps", "client", "server", "step", "step-materialize",
         "step-promote"],
)  # fmt: skip
def test_policies_pass_the_declared_flows_and_no_others(
    serving: Release, pod, labels, namespace, open_ports, closed_ports
):
    if labels is not None:
        serving.start_pod(pod, labels, namespace)
    for place in open_ports:
        serving.cluster.until(
            lambda place=place: serving.reaches(pod, *place, namespace),
            f"{pod} reaches {place}",
            60,
        )
    for place in closed_ports:
        # A pod's policies take a moment to be known.
        serving.cluster.until(
            lambda place=place: not serving.reaches(pod, *place, namespace),
            f"{pod} is kept from {place}", 60,
        )  # fmt: skip


@pytest.mark.parametrize("component", [*PARTS, "seaweedfs"])
def test_a_restart_changes_no_forecast_and_no_record(serving: Release, component: str):
    status, before = serving.predict()
    assert status == 200, before
    mirrored = serving.mirrored_champion()
    namespace = STORAGE if component == "seaweedfs" else OURS
    pods = serving.replace(component, namespace)
    # Two pods on one volume would end the second one, and it would start again.
    assert [status["restartCount"] for status in pods] == [0] * len(pods)
    # A Service's new address takes a moment to be known.
    serving.cluster.until(lambda: serving.predict()[0] == 200, f"a forecast after {component}")
    answer, former = json.loads(serving.predict()[1]), json.loads(before)
    assert (answer["rv_5d"], answer["as_of"]) == (former["rv_5d"], former["as_of"])
    assert serving.mirrored_champion() == mirrored


def test_the_store_refuses_another_key(serving: Release):
    script = (
        "import boto3, os\n"
        "key = {'aws_access_key_id': os.environ['AWS_ACCESS_KEY_ID']}\n"
        "boto3.client('s3', aws_secret_access_key='another', **key).list_buckets()"
    )
    code, printed = serving.cluster.python(OURS, "deployment/volcast-predictor", script)
    assert code == 1
    assert "SignatureDoesNotMatch" in printed


def test_one_of_two_servers_may_be_deleted_under_load(serving: Release):
    code, printed = serving.deploy(sets=("serving.minReplicas=2", "serving.maxReplicas=2"))
    assert code == 0, printed[-6000:]
    ended = serving.load(seconds=40)
    pods = serving.cluster.get(OURS, "pods", "--selector", SERVING)["items"]
    assert len(pods) == 2
    serving.cluster.kubectl("-n", OURS, "delete", "pod", pods[0]["metadata"]["name"])
    serving.cluster.wait(OURS, "--for=condition=Available", "deployment/volcast-predictor")
    answers = ended()
    assert answers.keys() == {"200"}
    assert answers["200"] > 50


def test_a_restart_of_the_kubelet_fails_no_request(serving: Release):
    command = os.environ.get("VOLCAST_TEST_RESTART_KUBELET")
    if not command:
        pytest.skip("VOLCAST_TEST_RESTART_KUBELET names no command for the nodes of this cluster")

    def pods() -> dict[str, int]:
        running = serving.cluster.get(OURS, "pods", "--selector", SERVING)["items"]
        states = {pod["metadata"]["uid"]: pod["status"]["containerStatuses"] for pod in running}
        return {uid: sum(one["restartCount"] for one in each) for uid, each in states.items()}

    before = pods()
    ended = serving.load(seconds=90)
    code, printed = serving.cluster.ran("bash", "-c", command)
    assert code == 0, printed[-3000:]
    serving.cluster.wait(OURS, "--for=condition=Available", "deployment/volcast-predictor")
    assert ended().keys() == {"200"}
    assert pods() == before


@pytest.mark.parametrize(
    "broken",
    [f"image.digests.serving=sha256:{'0' * 64}", "redis.image=docker.io/library/redis:none"],
    ids=["server", "redis"],
)
def test_a_part_that_cannot_start_is_rolled_back_without_a_failed_request(
    serving: Release, broken: str
):
    ended = serving.load(seconds=100)
    code, printed = serving.deploy("--seconds", "45", sets=(broken,))
    assert code == 1
    assert "back to revision" in printed
    assert ended().keys() == {"200"}
    tag = broken.rpartition(":")[2]
    pods = serving.cluster.get(OURS, "pods")["items"]
    assert not [pod for pod in pods if pod["spec"]["containers"][0]["image"].endswith(tag)]


def test_the_champion_changes_without_a_failed_request(serving: Release):
    def version() -> str:
        return json.loads(serving.predict()[1])["model"]["version"]

    former = version()
    # Another session, so that another version comes of it.
    code, printed = serving.run_pipelines("train", "--as-of", "2018-11-30")
    assert code == 0, printed[-6000:]
    newest = max(json.loads(serving.registry("list", "--json")), key=lambda v: int(v["version"]))
    assert newest["version"] != former
    move, then = ["promote", newest["version"]], newest["version"]
    if newest["role"] == "champion":
        serving.cluster.until(lambda: version() == then, f"version {then} serves")
        move, then = ["rollback"], former
    ended = serving.load(seconds=30)
    serving.registry(*move, "--why", "a test", "--who", "a test")
    serving.cluster.until(lambda: version() == then, f"version {then} serves", 25)
    assert ended().keys() == {"200"}


def test_uninstalling_leaves_what_the_page_lists(serving: Release):
    serving.uninstall()
    kept = {
        "Secret/volcast-store", "Secret/volcast-tokens", "Job/volcast-bucket",
        "PersistentVolumeClaim/volcast-mlflow",
    }  # fmt: skip
    serving.cluster.until(lambda: serving.objects(OURS) == kept, f"only {kept} is left", 120)
    assert serving.objects(PIPELINES) == {"Secret/volcast-store"}
    assert serving.cluster.get(STORAGE, "persistentvolumeclaim/seaweedfs")
