"""Every value set of the chart, as the cluster's own admission judges it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.deploy.charted import VALUE_SETS, objects_in, pods, text_of

NAMESPACE = "volcast-test-sets"
THERE = "volcast-test-sets-kubeflow"

OF_OTHERS = {
    "AlertmanagerConfig", "ExternalSecret", "Gateway", "HTTPRoute", "PrometheusRule",
    "ServiceMonitor",
}  # fmt: skip
"""Kinds that a cluster need not have."""

OF_KSERVE = {
    "annotations", "deploymentStrategy", "labels", "maxReplicas", "minReplicas", "scaleMetric",
    "scaleTarget",
}  # fmt: skip
"""What a predictor has beyond a pod's spec."""


@pytest.fixture(scope="module")
def restricted(cluster: Cluster) -> Iterator[Cluster]:
    """Make two namespaces whose pods must be restricted, and remove them afterwards."""
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    names = (NAMESPACE, THERE)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": level}}
        for name in names
    )
    yield cluster
    cluster.kubectl("delete", "namespace", *names)


@pytest.fixture(scope="module")
def kinds(cluster: Cluster) -> set[str]:
    """Return the kinds that the cluster has."""
    lines = cluster.kubectl("api-resources", "--no-headers").splitlines()
    return {line.split()[-1] for line in lines}


def _moved(one: dict[str, Any]) -> dict[str, Any]:
    ours = one["metadata"].get("namespace") == "volcast"
    return one | {"metadata": one["metadata"] | {"namespace": NAMESPACE if ours else THERE}}


def _bare(part: str, labels: Any, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a pod of the spec itself, which admission refuses where it only warns of others'."""
    spec = {k: v for k, v in spec.items() if k not in OF_KSERVE}
    spec |= {"serviceAccountName": "default"}
    spec.pop("priorityClassName", None)
    about = {"name": f"bare-{part}", "namespace": NAMESPACE, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


@pytest.mark.parametrize("name", VALUE_SETS)
def test_the_cluster_admits_every_value_set(name: str, restricted: Cluster, kinds: set[str]):
    rendered = objects_in(text_of(VALUE_SETS[name]))
    assert {one["kind"] for one in rendered} - kinds <= OF_OTHERS
    bare = [_bare(*pod) for pod in pods(rendered)]
    # A pod needs its ServiceAccount, which a dry run does not make.
    objects = [_moved(one) for one in rendered if one["kind"] in kinds - {"Pod"}]
    printed = restricted.apply([*objects, *bare], "--dry-run=server")
    assert "Warning" not in printed
    assert printed.count("serverside-applied") == len(objects) + len(bare)


def test_the_cluster_refuses_a_pod_that_may_be_root(restricted: Cluster):
    container = {"name": "one", "image": "one"}
    about = {"name": "root", "namespace": NAMESPACE}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": about,
        "spec": {"containers": [container]},
    }
    with pytest.raises(AssertionError, match="restricted"):
        restricted.apply([pod], "--dry-run=server")
