"""The overlays agree with the AWS stack, the clusters and the documentation."""

import os
import re
import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests.policies.schemas import MINORS
from pipelines.pods import RESOURCES
from tests.deploy.aws_account import ACCOUNT, BUCKET, REGION, TAKERS, UI, resources, roles
from tests.deploy.charted import (
    ENVIRONMENTS,
    OVERLAYS,
    chosen,
    deployed,
    images,
    overlay,
    pod_specs,
)
from tests.deploy.tools import CHART, MANIFESTS, ROOT
from volcast.steps import ROLES

NAMESPACES = {"volcast", "kubeflow", "storage"}
WIDE = {"Namespace", "GatewayClass", "StorageClass", "ClusterSecretStore"}
TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"  # noqa: S105 -- a path


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


CPU = {"volcast": 500, "Kubeflow": 800, "KServe": 200, "network": 100, "driver": 110}
"""Thousandths of a CPU that are requested, as docs/deploy.md adds them up."""

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
        if account != UI
    }
    assert f"serviceaccount ml-pipeline-ui {ROLE_ARN}=" in (ROOT / "docs/eks.md").read_text()


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
    assert extracted == secrets


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


def test_any_step_fits_next_to_everything_else_on_two_cpus():
    def milli(quantity: str) -> float:
        return float(quantity.removesuffix("m")) * (1 if quantity.endswith("m") else 1000)

    made = [(o["kind"], spec) for o in overlay("kind") for spec in pod_specs(o)]
    running = sum(
        milli(container["resources"]["requests"]["cpu"])
        for kind, spec in made
        if kind in {"Deployment", "InferenceService", "StatefulSet"}
        for container in spec["containers"]
    )
    step = max(milli(request) for request, *_ in RESOURCES.values())
    assert running == CPU["volcast"]
    assert (
        running + sum(CPU[one] for one in ("Kubeflow", "KServe", "network", "driver")) + step
        <= 2000
    )


def cluster(path: str) -> dict[str, Any]:
    return yaml.safe_load((MANIFESTS / path).read_text())


def test_the_eks_cluster_has_what_pods_and_policies_rely_on():
    config = cluster("eks/cluster.yaml")
    assert config["metadata"]["version"] == MINORS[-1]
    assert config["upgradePolicy"] == {"supportType": "STANDARD"}
    assert "0.0.0.0/0" not in config["vpc"]["publicAccessCIDRs"]
    (volumes,) = (one for one in overlay("eks") if one["kind"] == "StorageClass")
    assert volumes["reclaimPolicy"] == "Retain"
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


def test_no_pod_of_another_part_reaches_the_server_by_the_overlay_of_kind():
    # The sender's address stays, and no network that is admitted contains pods.
    assert (
        chosen(overlay("kind"), "Service", "volcast-here")["spec"]["externalTrafficPolicy"]
        == "Local"
    )
    pods = ip_network(cluster("kind/cluster.yaml")["networking"]["podSubnet"])
    (rule,) = chosen(overlay("kind"), "NetworkPolicy", "volcast-here")["spec"]["ingress"]
    assert rule["from"]
    for peer in rule["from"]:
        assert not ip_network(peer["ipBlock"]["cidr"]).overlaps(pods)


def test_staging_is_production_but_for_size_and_pager():
    staging, production = (
        yaml.safe_load(ENVIRONMENTS[f"eks-{one}"].read_text()) for one in ("staging", "production")
    )
    assert staging.pop("serving")["maxReplicas"] == 2
    assert staging["monitoring"]["alerting"].pop("pagerChannel") == "#volcast"
    for one in (staging, production):
        one["mlflow"]["storage"].pop("size")
    assert staging == production


def test_argo_cd_uses_an_environment_and_the_published_chart():
    (application,) = yaml.safe_load_all((MANIFESTS / "argocd/application.yaml").read_text())
    chart, values = application["spec"]["sources"]
    paths = [one.removeprefix(f"${values['ref']}/") for one in chart["helm"]["valueFiles"]]
    assert ROOT / paths[0] == ENVIRONMENTS["eks-production"]
    published = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["chart"], chart["targetRevision"]) == (published["name"], published["version"])


def test_the_documented_command_replaces_every_example_value(tmp_path: Path):
    for part in ("manifests", "helm"):
        shutil.copytree(ROOT / part, tmp_path / part)
    page = (ROOT / "docs/eks.md").read_text()
    command = re.search(r"^sed -i .*?\.yaml\"$", page, re.M | re.S)
    assert command is not None
    own = {
        "CIDR": "198.51.100.7/32",
        "AWS_REGION": "us-west-2",
        "HOST": "v.example.org",
        "ENVIRONMENT": "production",
        "KEY": "k1",
    }
    own["ACCOUNT"] = "999999999999"
    subprocess.run(["bash", "-euc", command[0]], cwd=tmp_path, env=os.environ | own, check=True)
    whole = (tmp_path / "manifests/eks/cluster.yaml").read_text()
    whole += deployed(tmp_path, "eks")
    for example in (ACCOUNT, REGION, "volcast.example.com", "00000000-0000", "203.0.113"):
        assert example not in whole
    assert "arn:aws:iam::999999999999:role/volcast-infer" in whole
    assert "arn:aws:kms:us-west-2:999999999999:key/k1" in whole


def test_alerting_takes_keys_of_a_secret_of_the_stack_and_alerts_carry_its_namespace():
    objects = overlay("eks")
    config = chosen(objects, "AlertmanagerConfig", "volcast")
    references = re.findall("volcast-alerting", yaml.safe_dump(config["spec"]))
    assert len(references) == 4
    external = chosen(objects, "ExternalSecret", "volcast-alerting")["spec"]
    stack = resources()["Alerting"]["Properties"]["Name"]
    assert [one["extract"]["key"] for one in external["dataFrom"]] == [stack]
    (store,) = (one for one in objects if one["kind"] == "ClusterSecretStore")
    assert store["metadata"]["name"] == external["secretStoreRef"]["name"]
    (condition,) = store["spec"]["conditions"]
    assert "volcast" in condition["namespaces"]
    # By it Prometheus Operator restricts the configuration to our alerts.
    rules = chosen(objects, "PrometheusRule", "volcast")["spec"]["groups"]
    labels = [rule["labels"]["namespace"] for group in rules for rule in group["rules"]]
    assert set(labels) == {config["metadata"]["namespace"]}
