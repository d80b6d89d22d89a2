"""Every pod has one security context, stricter than Pod Security "restricted", and bounds.

Admission itself judges the same pods in tests/cluster.
"""

import pytest

from tests.deploy.charted import OVERLAYS, VALUE_SETS, overlay, pod_specs, pods, render

POD = {
    "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
CONTAINER = {
    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}  # fmt: skip
BOUNDS = {"cpu", "memory", "ephemeral-storage"}


@pytest.mark.parametrize("name", [*VALUE_SETS, *OVERLAYS])
def test_every_pod_is_restricted_bounded_and_read_only(name: str):
    objects = render(VALUE_SETS[name]) if name in VALUE_SETS else overlay(name)
    specs = [spec for one in objects for spec in pod_specs(one)]
    assert len(specs) == len([*pods(objects)]) >= 4
    for spec in specs:
        assert {**spec["securityContext"], "fsGroup": 10001} == {**POD, "fsGroup": 10001}
        assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            assert container["securityContext"] == CONTAINER
            assert container["resources"].keys() == {"requests", "limits"}
            assert all(one.keys() == BOUNDS for one in container["resources"].values())


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_namespace_with_pods_enforces_the_profile(name: str):
    objects = overlay(name)
    enforced = {
        one["metadata"]["name"]
        for one in objects
        if one["kind"] == "Namespace"
        and one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    }
    assert {one["metadata"]["namespace"] for one in objects if [*pod_specs(one)]} == enforced
