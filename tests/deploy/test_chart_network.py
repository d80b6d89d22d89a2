"""Who may reach whom by the rendered network policies, compared with a matrix."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from tests.deploy.charted import NAMESPACE, VALUE_SETS, pods, render
from tests.deploy.reachability import End, permitted
from volcast.steps import ROLES as STEP_ROLES

PORTS = (
    22, 80, 443, 5000, 5432, 6379, 6380, 6443, 8080, 8081, 8333, 8501, 8887, 8888, 9108, 9109,
    ("UDP", 53), 53,
)  # fmt: skip

IN_KUBEFLOW = {"pipelines.kubeflow.org/v2_component": "true"}
ROLES = tuple(sorted(set(STEP_ROLES.values())))

PLACES = [
    # Each with neighbours in the same namespace that must not match.
    End("dns", "10.96.0.10", "kube-system", {"k8s-app": "kube-dns"}),
    End("kube-system other", "10.1.0.1", "kube-system", {"k8s-app": "metrics-server"}),
    End("prometheus", "10.1.0.2", "monitoring", {"app.kubernetes.io/name": "prometheus"}),
    End("alertmanager", "10.1.0.3", "monitoring", {"app.kubernetes.io/name": "alertmanager"}),
    End("monitoring other", "10.1.0.4", "monitoring", {"app.kubernetes.io/name": "grafana"}),
    End("gateway", "10.1.0.5", "envoy-gateway-system", {"app": "envoy"}),
    End("istio gateway", "10.1.0.6", "istio-ingress", {"istio": "ingressgateway"}),
    End("istio other", "10.1.0.7", "istio-ingress", {"istio": "other"}),
    End("kfp api", "10.1.0.8", "kubeflow", {"app": "ml-pipeline"}),
    End("kfp metadata", "10.1.0.9", "kubeflow", {"component": "metadata-grpc-server"}),
    End("kfp artifacts", "10.1.0.10", "kubeflow", {"app": "seaweedfs"}),
    End("kubeflow other", "10.1.0.11", "kubeflow", {"app": "mysql"}),
    End("ml-platform api", "10.1.0.12", "ml-platform", {"app": "ml-pipeline"}),
    End("s3", "10.1.0.13", "storage", {"app": "seaweedfs"}),
    End("storage other", "10.1.0.14", "storage", {"app": "other"}),
    End("postgres", "10.1.0.15", "databases", {"app": "postgres"}),
    End("databases other", "10.1.0.16", "databases", {"app": "other"}),
    End("stranger", "10.1.0.17", "elsewhere", {"app": "other"}),
    End("internet", "93.184.216.34"),
    End("cluster api", "172.18.0.2"),
    End("metadata service", "169.254.169.254"),
    End("managed redis", "10.20.1.7"),
]  # fmt: skip


PLACES += [
    End(f"{one.name} elsewhere", "10.1.4.1", "elsewhere", one.labels)
    for one in PLACES
    if one.namespace
]  # labels are anybody's to take


def ours(name: str) -> dict[str, dict[str, str]]:
    """Return labels by part."""
    return {part: dict(labels) for part, labels, _ in pods(render(VALUE_SETS[name]))}


def impostors(labels: dict[str, dict[str, str]]) -> Iterator[End]:
    """Yield pods that are all but one of ours: one label of the selector is another's."""
    for part, given in labels.items():
        for key in ("name", "instance", "component"):
            other = {**given, f"app.kubernetes.io/{key}": "other"}
            yield End(f"{part} with another {key}", "10.1.3.1", NAMESPACE, other)
        yield End(f"{part} elsewhere", "10.1.3.2", "elsewhere", given)


@cache
def ends(name: str) -> list[End]:
    namespace = "ml-platform" if name == "shared-kubeflow" else "kubeflow"
    parts = [End(part, "10.1.1.1", NAMESPACE, given) for part, given in ours(name).items()]
    steps = [
        End(f"step {role}", "10.1.2.1", namespace, {**IN_KUBEFLOW, "volcast/role": role})
        for role in ROLES
    ]
    drivers = [
        End("driver", "10.1.2.2", namespace, IN_KUBEFLOW),
        End("step promote elsewhere", "10.1.2.3", "elsewhere",
            {**IN_KUBEFLOW, "volcast/role": "promote"}),
        End("step materialize elsewhere", "10.1.2.3", "elsewhere",
            {**IN_KUBEFLOW, "volcast/role": "materialize"}),
        End("promote that is no step", "10.1.2.4", namespace, {"volcast/role": "promote"}),
        End("materialize that is no step", "10.1.2.4", namespace, {"volcast/role": "materialize"}),
    ]  # fmt: skip
    return [*parts, *steps, *drivers, *PLACES, *impostors(ours(name))]


def governed(name: str) -> set[str]:
    """Return whose connections are compared: our parts, and the pods of the pipelines."""
    steps = set() if name == "shared-kubeflow" else {f"step {role}" for role in ROLES} | {"driver"}
    return ours(name).keys() | steps


@cache
def policies(name: str) -> list[dict[str, Any]]:
    return [one for one in render(VALUE_SETS[name]) if one["kind"] == "NetworkPolicy"]


def _text(port: int | tuple[str, int]) -> str:
    return str(port) if isinstance(port, int) else f"{port[1]}/{port[0].lower()}"


def lines(text: str) -> set[str]:
    """Read ``a, b > c, d:1, 2`` as each of a and b to each of c and d on each port."""
    connections = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        sources, _, rest = line.partition(" > ")
        targets, _, ports = rest.partition(":")
        connections |= {
            f"{a} > {b}:{port}"
            for a in sources.split(", ") for b in targets.split(", ") for port in ports.split(", ")
        }  # fmt: skip
    return connections


STEPS = ", ".join(f"step {role}" for role in ROLES)
NAMED = f"{STEPS}, driver > dns:53, 53/udp\n"
KUBEFLOW = f"""
    {NAMED}
    {STEPS}, driver > kfp api:8887, 8888
    {STEPS}, driver > kfp metadata:8080
    {STEPS}, driver > kfp artifacts:8333
    {STEPS}, driver > cluster api:443, 6443
"""
SCRAPED = """
    prometheus > serving:8080
    prometheus > exporter:9108
    prometheus > brief:8081
"""
PARTS = "serving, exporter, dashboard, brief"

MATRIX = {
    "minimal": f"""
        {PARTS}, test > dns:53, 53/udp
        {PARTS} > internet:443
        test > serving:8080
        serving > redis:6379
        {SCRAPED}
        {KUBEFLOW}
        {STEPS}, driver > internet:443
        step materialize > redis:6379
        step promote > mlflow:5000
    """,
    "kind": f"""
        serving, exporter, dashboard, test, schedules > dns:53, 53/udp
        serving, exporter, dashboard > s3:8333
        test > serving:8080
        serving > redis:6379
        schedules > kfp api:8888
        {KUBEFLOW}
        {STEPS}, driver > s3:8333
        step ingest > internet:443
        step materialize > redis:6379
        step promote > mlflow:5000
    """,
    "full": f"""
        {PARTS}, test, schedules > dns:53, 53/udp
        {PARTS} > internet:443
        brief > internet:5432
        test, gateway > serving:8080
        serving > redis:6379
        schedules > kfp api:8888
        {SCRAPED}
        {KUBEFLOW}
        {STEPS}, driver > internet:443
        step materialize > redis:6379
        step promote > mlflow:5000
    """,
    "eks": f"""
        {PARTS}, test, schedules > dns:53, 53/udp
        {PARTS} > internet:443
        test > serving:8080
        schedules > kfp api:8888
        {SCRAPED}
        {KUBEFLOW}
        {STEPS}, driver > internet:443
        step promote > mlflow:5000
    """,
    "route": f"""
        {PARTS}, test > dns:53, 53/udp
        {PARTS} > internet:443
        test, istio gateway > serving:8080
        serving > redis:6379
        {SCRAPED}
        {KUBEFLOW}
        {STEPS}, driver > internet:443
        step materialize > redis:6379
        step promote > mlflow:5000
    """,
    "redis-by-address": f"""
        {PARTS}, test > dns:53, 53/udp
        {PARTS} > internet:443
        test > serving:8080
        serving, step materialize > managed redis:6380
        {SCRAPED}
        {KUBEFLOW}
        {STEPS}, driver > internet:443
        step promote > mlflow:5000
    """,
    "mlflow-database": f"""
        {PARTS}, test, mlflow > dns:53, 53/udp
        {PARTS} > internet:443
        brief, mlflow > postgres:5432
        test > serving:8080
        serving > redis:6379
        {SCRAPED}
        {KUBEFLOW}
        {STEPS}, driver > internet:443
        step materialize > redis:6379
        step promote > mlflow:5000
    """,
    "mlflow-elsewhere": f"""
        serving, exporter, test > dns:53, 53/udp
        serving, exporter > internet:443
        test > serving:8080
        serving > redis:6379
        {SCRAPED.replace("prometheus > brief:8081", "")}
        {KUBEFLOW}
        {STEPS}, driver > internet:443
        step materialize > redis:6379
    """,
    "shared-kubeflow": f"""
        {PARTS}, test > dns:53, 53/udp
        {PARTS} > internet:443
        test > serving:8080
        serving > redis:6379
        {SCRAPED}
        step materialize > redis:6379
        step promote > mlflow:5000
    """,
}
"""By value set, all that may be reached: everything else is denied."""


def permissions(name: str, policies: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Return what senders' policies permit, and what receivers' policies permit.

    A connection needs both, and each must be right by itself.
    """
    sent, received = (
        {
            f"{source} > {target}:{_text(port)}"
            for source, target, port in permitted(policies, way, ends(name), PORTS, governed(name))
        }
        for way in ("Egress", "Ingress")
    )
    return sent, received


@cache
def expected_permissions(name: str) -> tuple[set[str], set[str]]:
    expected, inside = lines(MATRIX[name]), governed(name)
    # On the ports of the cluster's API only an address tells the API from a pod.
    near = [one.name for one in ends(name) if one.address.startswith("10.")]
    sent = {line for line in expected if line.partition(" > ")[0] in inside}
    sent |= {
        line.replace("cluster api", other)
        for line in expected if " > cluster api:" in line
        for other in near if other != line.partition(" > ")[0]
    }  # fmt: skip
    received = {line for line in expected if line.partition(" > ")[2].rpartition(":")[0] in inside}
    return sent, received


@pytest.mark.parametrize("name", MATRIX)
def test_policies_permit_exactly_the_matrix(name: str):
    assert permissions(name, policies(name)) == expected_permissions(name)


def test_a_new_part_reaches_nobody_and_nobody_reaches_it():
    labels = {**ours("minimal")["serving"], "app.kubernetes.io/component": "new"}
    new = End("new", "10.1.9.9", NAMESPACE, labels)
    for way in ("Egress", "Ingress"):
        assert permitted(policies("minimal"), way, [new, *PLACES], PORTS, {"new"}) == set()


@pytest.mark.parametrize("name", sorted(VALUE_SETS.keys() - {"no-network-policies"}))
def test_every_part_has_its_own_policy_in_both_directions(name: str):
    selectors = [one["spec"]["podSelector"]["matchLabels"] for one in policies(name)]
    for part, labels in ours(name).items():
        assert any(
            one.get("app.kubernetes.io/component") == part and one.items() <= labels.items()
            for one in selectors
        ), part
    assert all(one["spec"]["policyTypes"] == ["Ingress", "Egress"] for one in policies(name))


Change = tuple[str, Callable[[dict[str, Any]], None]]


def broadened(policy: dict[str, Any]) -> Iterator[Change]:
    """Yield ways to let a policy allow more, each as a name and what does it to a copy."""
    for way, side in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(policy["spec"].get(way, [])):
            yield f"{way}[{i}] without {side}", lambda p, w=way, i=i, s=side: p["spec"][w][i].pop(s)
            yield f"{way}[{i}] without ports", lambda p, w=way, i=i: p["spec"][w][i].pop("ports")
            for j, peer in enumerate(rule[side]):
                for name, change in _broader_peers(peer, policy["metadata"]["namespace"]):
                    yield (
                        f"{way}[{i}].{side}[{j}] {name}",
                        lambda p, w=way, i=i, s=side, j=j, c=change: c(p["spec"][w][i][s][j]),
                    )


def _broader_peers(peer: dict[str, Any], home: str) -> Iterator[Change]:
    if "ipBlock" in peer:
        if "except" in peer["ipBlock"]:
            yield "without except", lambda one: one["ipBlock"].pop("except")
        if peer["ipBlock"]["cidr"] != "0.0.0.0/0":
            yield "of all addresses", lambda one: one["ipBlock"].update(cidr="0.0.0.0/0")
        return
    yield "of all namespaces", lambda one: one.update(namespaceSelector={})
    if peer["namespaceSelector"]["matchLabels"] != {"kubernetes.io/metadata.name": home}:
        yield "of its own namespace", lambda one: one.pop("namespaceSelector")
    for label in peer["podSelector"]["matchLabels"]:
        yield (
            f"without {label}",
            lambda one, name=label: one["podSelector"]["matchLabels"].pop(name),
        )
    if peer["podSelector"]["matchLabels"]:
        yield "of all pods", lambda one: one.pop("podSelector")


@pytest.mark.parametrize("name", ["full", "kind", "redis-by-address", "mlflow-database"])
def test_any_broader_rule_differs_from_the_matrix(name: str):
    whole, unnoticed, tried = policies(name), [], 0
    for index, policy in enumerate(whole):
        for change, do in broadened(policy):
            other = copy.deepcopy(policy)
            do(other)
            tried += 1
            if permissions(
                name, [*whole[:index], other, *whole[index + 1 :]]
            ) == expected_permissions(name):
                unnoticed.append(f"{policy['metadata']['name']} {change}")
    assert tried > 50
    assert unnoticed == []


def test_any_missing_policy_differs_from_the_matrix():
    whole = policies("kind")
    for index, policy in enumerate(whole):
        gone = [*whole[:index], *whole[index + 1 :]]
        if policy["metadata"]["name"] != "volcast-default-deny":  # that one is for parts to come
            assert permissions("kind", gone) != expected_permissions("kind"), index
