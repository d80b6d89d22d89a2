"""What Alertmanager reads and whom it calls are there under the names that it is given."""

import re
from typing import Any

import pytest
import yaml

from tests.deploy.aws_account import template
from tests.deploy.charted import objects_in
from tests.deploy.tools import CHART, MANIFESTS, ROOT, ran, tool

ROUTES = (CHART / "files/alertmanager.yaml").read_text()
EXTERNAL = yaml.safe_load((MANIFESTS / "eks/alerting.yaml").read_text())
PAGE = (ROOT / "docs/kubernetes.md").read_text()
KEYS = {"slack_url", "heartbeat_token"}


@pytest.fixture(scope="module")
def cluster() -> list[dict[str, Any]]:
    return objects_in(
        ran([tool("kustomize"), "build", "--enable-helm", "--helm-command", tool("helm"),
             str(MANIFESTS / "overlays/eks")])
    )  # fmt: skip


def test_every_secret_file_is_a_key_of_the_one_secret_that_is_mounted():
    files = re.findall(r"_file: (\S+)", ROUTES)
    folder = f"/etc/alertmanager/secrets/{EXTERNAL['spec']['target']['name']}"
    assert set(files) == {f"{folder}/{key}" for key in KEYS}
    assert {one["secretKey"] for one in EXTERNAL["spec"]["data"]} == KEYS
    assert {one["remoteRef"]["property"] for one in EXTERNAL["spec"]["data"]} == KEYS


def test_the_secret_is_brought_from_the_stack_by_a_store_that_its_namespace_may_name(cluster):
    made = template()["Resources"]["Alerting"]["Properties"]["Name"]["Sub"]
    asked = {one["remoteRef"]["key"] for one in EXTERNAL["spec"]["data"]}
    assert asked == {made.replace("${Name}", "volcast")}
    (store,) = (one for one in cluster if one["kind"] == "ClusterSecretStore")
    assert store["metadata"]["name"] == EXTERNAL["spec"]["secretStoreRef"]["name"]
    (condition,) = store["spec"]["conditions"]
    assert EXTERNAL["metadata"]["namespace"] in condition["namespaces"]


def test_the_page_writes_the_keys_and_mounts_the_secret_where_alertmanager_runs():
    (written,) = re.findall(r"--secret-id volcast/alerting --secret-string \\\n +\"(.+)\"", PAGE)
    assert set(re.findall(r'\\"(\w+)\\":', written)) == KEYS
    assert "kubectl apply -f manifests/eks/alerting.yaml" in PAGE
    name = EXTERNAL["spec"]["target"]["name"]
    assert f"alertmanager.alertmanagerSpec.secrets={{{name}}}" in PAGE
    comment = re.search(r"# (.+); written.+\n  Alerting:", (MANIFESTS / "eks/aws.yaml").read_text())
    assert comment is not None
    assert set(comment[1].split(", ")) == KEYS
