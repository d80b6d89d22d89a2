"""The rendered network policies, read as lines ``from > to:port`` and compared with a matrix."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.charted import NAMESPACE, VALUE_SETS, pods, render

PUBLIC = {
    "cidr": "0.0.0.0/0",
    "except": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
}
PLACES = {
    "kube-system k8s-app=kube-dns": "dns",
    "monitoring app.kubernetes.io/name=prometheus": "prometheus",
    "envoy-gateway-system ": "gateway",
    "istio-ingress istio=ingressgateway": "istio gateway",
    "kubeflow app=ml-pipeline": "kfp api",
    "kubeflow component=metadata-grpc-server": "kfp metadata",
    "kubeflow app=seaweedfs": "kfp artifacts",
    "kubeflow app=mysql": "kfp database",
    "kubeflow app=cache-server": "kfp cache",
    "kubeflow app=ml-pipeline-ui": "kfp ui",
    "kubeflow app=ml-pipeline-persistenceagent": "kfp agent",
    "kubeflow app=ml-pipeline-scheduledworkflow": "kfp schedules",
    "storage app=seaweedfs": "s3",
    "databases app=postgres": "postgres",
    "observability app.kubernetes.io/name=opentelemetry-collector": "collector",
}
STEP = "pipelines.kubeflow.org/v2_component=true"
for _namespace in ("kubeflow", "ml-platform"):
    PLACES[f"{_namespace} {STEP}"] = "pipelines"
    for _role in ("ingest", "materialize", "promote"):
        PLACES[f"{_namespace} {STEP},volcast/role={_role}"] = f"step {_role}"
for _part in (
    "serving", "exporter", "dashboard", "brief", "mlflow", "redis", "schedules", "test",
):  # fmt: skip
    _labels = ("name=volcast", "instance=volcast", f"component={_part}")
    PLACES[f"{NAMESPACE} " + ",".join(f"app.kubernetes.io/{one}" for one in _labels)] = _part

PARTS = "serving, exporter, dashboard, brief"
PIPELINES = """
    pipelines > dns:53/TCP, 53/UDP
    pipelines, kfp ui, kfp agent, kfp schedules > kfp api:8887, 8888
    kfp api, kfp metadata, kfp cache > kfp database:3306
    pipelines > kfp metadata:8080
    pipelines > kfp artifacts:8333
    pipelines > 10.0.0.0/8:443, 6443
    pipelines > 172.16.0.0/12:443, 6443
    pipelines > 192.168.0.0/16:443, 6443
    step ingest > internet:443
"""
STORE_ON_S3 = f"{PARTS}, pipelines > internet:443"
REDIS = "serving, step materialize > redis:6379"
MLFLOW = "step promote > mlflow:5000"
SCRAPED = """
    prometheus > serving:8080
    prometheus > exporter:9108
    prometheus > brief:8081
"""
USUAL = f"""
    {PARTS}, test > dns:53/TCP, 53/UDP
    test > serving:8080
    {STORE_ON_S3}
    {SCRAPED}
    {PIPELINES}
"""

MATRIX = {
    "minimal": f"""
        {USUAL}
        {REDIS}
        {MLFLOW}
    """,
    "kind": f"""
        serving, exporter, dashboard, test, schedules > dns:53/TCP, 53/UDP
        serving, exporter, dashboard, pipelines > s3:8333
        test > serving:8080
        schedules > kfp api:8888
        {PIPELINES}
        {REDIS}
        {MLFLOW}
    """,
    "full": f"""
        {USUAL}
        {REDIS}
        {MLFLOW}
        schedules > dns:53/TCP, 53/UDP
        schedules > kfp api:8888
        brief > internet:5432
        gateway > serving:8080
    """,
    "eks": f"""
        {USUAL}
        {MLFLOW}
        step materialize > internet:443
        schedules > dns:53/TCP, 53/UDP
        schedules > kfp api:8888
    """,
    "route": f"""
        {USUAL}
        {REDIS}
        {MLFLOW}
        istio gateway > serving:8080
    """,
    "redis-by-address": f"""
        {USUAL}
        {MLFLOW}
        serving, step materialize > 10.20.0.0/24:6380
        serving, step materialize > 10.20.1.0/24:6380
    """,
    "mlflow-database": f"""
        {USUAL}
        {REDIS}
        {MLFLOW}
        mlflow > dns:53/TCP, 53/UDP
        brief, mlflow > postgres:5432
    """,
    "pods": f"""
        {USUAL}
        {REDIS}
        {MLFLOW}
        schedules > dns:53/TCP, 53/UDP
        schedules > kfp api:8888
        serving > collector:4318
    """,
    "mlflow-elsewhere": f"""
        serving, exporter, test > dns:53/TCP, 53/UDP
        serving, exporter, pipelines > internet:443
        test > serving:8080
        {SCRAPED.replace("prometheus > brief:8081", "")}
        {PIPELINES}
        {REDIS}
        step promote > internet:443
    """,
    "shared-kubeflow": f"""
        {PARTS}, test > dns:53/TCP, 53/UDP
        {PARTS} > internet:443
        test > serving:8080
        {SCRAPED}
        {REDIS}
        {MLFLOW}
    """,
}
"""By value set, all that may be reached: everything else is denied."""

KUBEFLOW = {"kfp api", "kfp database"}
"""Of Kubeflow's own, those that only some may call; whom they call is Kubeflow's affair."""

INSIDE = {*PARTS.split(", "), "mlflow", "redis", "schedules", "test"}


def expected(name: str) -> set[str]:
    """Read ``a, b > c:1, 2`` as each of a and b to c on each port."""
    connections = set()
    for line in filter(None, map(str.strip, MATRIX[name].splitlines())):
        sources, _, rest = line.partition(" > ")
        target, _, ports = rest.partition(":")
        connections |= {
            f"{source} > {target}:{port.removesuffix('/TCP')}"
            for source in sources.split(", ")
            for port in ports.split(", ")
        }
    return connections


def policies(name: str) -> list[dict[str, Any]]:
    return [one for one in render(VALUE_SETS[name]) if one["kind"] == "NetworkPolicy"]


def place(namespace: str, selector: dict[str, Any]) -> str:
    """Return the name of what exactly this selector chooses; the selector itself if it has none."""
    assert selector.keys() == {"matchLabels"}
    labels = ",".join(f"{key}={value}" for key, value in selector["matchLabels"].items())
    return PLACES.get(f"{namespace} {labels}", f"{namespace} {labels}")


def peer(one: dict[str, Any]) -> str:
    if one.keys() == {"ipBlock"}:
        block = dict(one["ipBlock"])
        return "internet" if block == PUBLIC else str(block.pop("cidr")) + str(block or "")
    assert one.keys() == {"namespaceSelector", "podSelector"}
    (label,) = one["namespaceSelector"]["matchLabels"].items()
    assert label[0] == "kubernetes.io/metadata.name"
    return place(label[1], one["podSelector"])


def permitted(policy: dict[str, Any], way: str) -> Iterator[str]:
    """Yield what one policy permits; a rule without peers or ports, which permits all, is none."""
    own = place(policy["metadata"]["namespace"], policy["spec"]["podSelector"])
    side = "to" if way == "egress" else "from"
    for rule in policy["spec"].get(way, ()):
        assert rule.keys() == {side, "ports"}
        assert rule[side]
        assert rule["ports"]
        for port in rule["ports"]:
            assert port.keys() == {"protocol", "port"}
            number = str(port["port"]) + ("/UDP" if port["protocol"] == "UDP" else "")
            for other in map(peer, rule[side]):
                ends = (own, other) if way == "egress" else (other, own)
                yield f"{ends[0]} > {ends[1]}:{number}"


@pytest.mark.parametrize("name", MATRIX)
def test_policies_permit_exactly_the_matrix_at_both_ends(name: str):
    # In a namespace that is shared, pods of pipelines have no policies of ours.
    shared = name == "shared-kubeflow"
    senders = INSIDE if shared else INSIDE | {
        "pipelines", "step ingest", "step materialize", "step promote"
    }  # fmt: skip
    receivers = INSIDE if shared else INSIDE | KUBEFLOW
    sent, received = (
        {line for one in policies(name) for line in permitted(one, way)}
        for way in ("egress", "ingress")
    )
    lines = expected(name)
    assert sent == {line for line in lines if line.partition(" > ")[0] in senders}
    assert received == {
        line for line in lines if line.partition(" > ")[2].rpartition(":")[0] in receivers
    }


@pytest.mark.parametrize("name", sorted(VALUE_SETS.keys() - {"no-network-policies"}))
def test_every_part_has_its_own_policy_and_what_is_new_is_denied(name: str):
    for one in policies(name):
        own = place(one["metadata"]["namespace"], one["spec"]["podSelector"])
        types = ["Ingress"] if own in KUBEFLOW else ["Ingress", "Egress"]
        assert one["spec"]["policyTypes"] == types, own
    selectors = {
        place(one["metadata"]["namespace"], one["spec"]["podSelector"]): one["spec"]["podSelector"]
        for one in policies(name)
    }
    (everything,) = (one for one in policies(name) if one["metadata"]["name"].endswith("-deny"))
    assert not everything["spec"].keys() & {"ingress", "egress"}
    for part, labels, _ in pods(render(VALUE_SETS[name])):
        for selector in (selectors[part], everything["spec"]["podSelector"]):
            assert selector["matchLabels"].items() <= labels.items(), part
