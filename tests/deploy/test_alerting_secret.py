"""The secret that Alertmanager reads exists under the names that it uses."""

import re

import yaml

from tests.deploy.aws_account import resources
from tests.deploy.overlays import overlay
from tests.deploy.tools import CHART, MANIFESTS

ROUTES = (CHART / "files/alertmanager.yaml").read_text()
EXTERNAL = yaml.safe_load((MANIFESTS / "eks/alerting.yaml").read_text())
KEYS = {"slack_url", "heartbeat_token"}


def test_every_secret_file_is_a_key_of_the_mounted_secret():
    files = re.findall(r"_file: (\S+)", ROUTES)
    folder = f"/etc/alertmanager/secrets/{EXTERNAL['spec']['target']['name']}"
    assert set(files) == {f"{folder}/{key}" for key in KEYS}
    assert {one["secretKey"] for one in EXTERNAL["spec"]["data"]} == KEYS
    assert {one["remoteRef"]["property"] for one in EXTERNAL["spec"]["data"]} == KEYS


def test_the_secret_comes_from_the_stack_by_a_store_that_its_namespace_may_use():
    name = resources()["Alerting"]["Properties"]["Name"]
    assert {one["remoteRef"]["key"] for one in EXTERNAL["spec"]["data"]} == {name}
    (store,) = (one for one in overlay("eks") if one["kind"] == "ClusterSecretStore")
    assert store["metadata"]["name"] == EXTERNAL["spec"]["secretStoreRef"]["name"]
    (condition,) = store["spec"]["conditions"]
    assert EXTERNAL["metadata"]["namespace"] in condition["namespaces"]
