"""Every pod passes the Pod Security profile "restricted" and has bounds.

The profile allows more than these tests do: each pod and each container has one security context.
"""

import json
import re

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
VOLUMES = {"emptyDir", "persistentVolumeClaim", "secret", "configMap", "projected"}
# Host namespaces and ports, probes of other hosts, Windows, and profiles named by annotations.
OF_THE_HOST = re.compile(r'"(host|host(Port|Network|PID|IPC|Process|Users))":|apparmor')
BOUNDS = {"cpu", "memory", "ephemeral-storage"}


@pytest.mark.parametrize("name", [*VALUE_SETS, *OVERLAYS])
def test_every_pod_is_restricted_bounded_and_read_only(name: str):
    objects = render(VALUE_SETS[name]) if name in VALUE_SETS else overlay(name)
    specs = [spec for one in objects for spec in pod_specs(one)]
    assert len(specs) == len([*pods(objects)]) >= 4
    makers = [one for one in objects if [*pod_specs(one)]]
    assert not OF_THE_HOST.search(json.dumps(makers))
    for spec in specs:
        assert {**spec["securityContext"], "fsGroup": 10001} == {**POD, "fsGroup": 10001}
        assert {kind for one in spec["volumes"] for kind in one} <= {"name", *VOLUMES}
        assert "ephemeralContainers" not in spec
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
