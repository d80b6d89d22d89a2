"""The secret that Alertmanager reads exists under the names that it uses."""

import re
from typing import Any

import pytest
import yaml

from tests.deploy.aws_account import template
from tests.deploy.charted import objects_in
from tests.deploy.tools import CHART, MANIFESTS, ran, tool

ROUTES = (CHART / "files/alertmanager.yaml").read_text()
EXTERNAL = yaml.safe_load((MANIFESTS / "eks/alerting.yaml").read_text())
KEYS = {"slack_url", "heartbeat_token"}


@pytest.fixture(scope="module")
def cluster() -> list[dict[str, Any]]:
    return objects_in(
        ran([tool("kustomize"), "build", "--enable-helm", "--helm-command", tool("helm"),
             str(MANIFESTS / "overlays/eks")])
    )  # fmt: skip


def test_every_secret_file_is_a_key_of_the_mounted_secret():
    files = re.findall(r"_file: (\S+)", ROUTES)
    folder = f"/etc/alertmanager/secrets/{EXTERNAL['spec']['target']['name']}"
    assert set(files) == {f"{folder}/{key}" for key in KEYS}
    assert {one["secretKey"] for one in EXTERNAL["spec"]["data"]} == KEYS
    assert {one["remoteRef"]["property"] for one in EXTERNAL["spec"]["data"]} == KEYS


def test_the_secret_comes_from_the_stack_by_a_store_that_its_namespace_may_use(cluster):
    name = template()["Resources"]["Alerting"]["Properties"]["Name"]["Sub"]
    keys = {one["remoteRef"]["key"] for one in EXTERNAL["spec"]["data"]}
    assert keys == {name.replace("${Name}", "volcast")}
    (store,) = (one for one in cluster if one["kind"] == "ClusterSecretStore")
    assert store["metadata"]["name"] == EXTERNAL["spec"]["secretStoreRef"]["name"]
    (condition,) = store["spec"]["conditions"]
    assert EXTERNAL["metadata"]["namespace"] in condition["namespaces"]
