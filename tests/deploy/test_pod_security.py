"""Every pod of every value set passes the Pod Security profile "restricted"."""

import copy
from typing import Any

import pytest

from tests.deploy.charted import VALUE_SETS, pods, render
from tests.deploy.restricted import pod_specs, violations

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {
            "name": "one",
            "securityContext": {
                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}  # fmt: skip

POD_FAULTS = {
    "host namespaces: hostNetwork": {"hostNetwork": True},
    "host namespaces: hostPID": {"hostPID": True},
    "host namespaces: hostIPC": {"hostIPC": True},
    "volume types: hostPath v": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    "volume types: nfs v": {"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]},
    "sysctls: kernel.msgmax": {"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}},
    "run as non-root: false": {"securityContext": {"runAsNonRoot": False}},
    "run as user: 0": {"securityContext": {"runAsUser": 0}},
    "seccomp: Unconfined": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    "AppArmor: Unconfined": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
    "SELinux: type spc_t": {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
    "SELinux: user root": {"securityContext": {"seLinuxOptions": {"user": "root"}}},
    "SELinux: role admin": {"securityContext": {"seLinuxOptions": {"role": "admin"}}},
    "host process": {"securityContext": {"windowsOptions": {"hostProcess": True}}},
}

CONTAINER_FAULTS = {
    "privileged": {"privileged": True},
    "privilege escalation: not false": {"allowPrivilegeEscalation": True},
    "/proc mount: Unmasked": {"procMount": "Unmasked"},
    "capabilities: ALL not dropped": {"capabilities": {"drop": ["NET_RAW"]}},
    "capabilities: SYS_TIME added": {"capabilities": {"drop": ["ALL"], "add": ["SYS_TIME"]}},
    "run as non-root: false": {"runAsNonRoot": False},
    "run as user: 0": {"runAsUser": 0},
    "seccomp: Unconfined": {"seccompProfile": {"type": "Unconfined"}},
    "AppArmor: Unconfined": {"appArmorProfile": {"type": "Unconfined"}},
    "SELinux: type spc_t": {"seLinuxOptions": {"type": "spc_t"}},
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(base)
    for name, value in changes.items():
        context = name == "securityContext"
        result[name] = {**result.get(name, {}), **value} if context else value
    return result


def with_container(group: str, **changes: Any) -> dict[str, Any]:
    container = merged(GOOD["containers"][0], changes)
    name = "one" if group == "containers" else "other"
    return {**copy.deepcopy(GOOD), group: [{**container, "name": name}]}


def controls(pod: dict[str, Any]) -> set[str]:
    return {violation.partition(" of ")[0] for violation in violations(pod)}


@pytest.mark.parametrize("fault", POD_FAULTS)
def test_a_forbidden_setting_of_a_pod_is_reported(fault: str):
    assert violations(merged(GOOD, POD_FAULTS[fault])) == [fault]


@pytest.mark.parametrize("group", ["containers", "initContainers", "ephemeralContainers"])
def test_a_forbidden_or_missing_setting_of_any_container_is_reported(group: str):
    for fault, context in CONTAINER_FAULTS.items():
        assert controls(with_container(group, securityContext=context)) == {fault}
    for name, fault in (
        ("runAsNonRoot", "run as non-root: unset"), ("seccompProfile", "seccomp: unset"),
    ):  # fmt: skip
        pod = with_container(group)
        value = pod["securityContext"].pop(name)
        assert controls(pod) == {fault}
        for container in (one for key in {"containers", group} for one in pod[key]):
            container["securityContext"][name] = value
        assert violations(pod) == []


@pytest.mark.parametrize("handler", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_a_probe_of_another_host_is_reported(handler: str):
    pod = with_container("containers", **{handler: {"httpGet": {"host": "10.0.0.1", "port": 80}}})
    assert violations(pod) == ["host probes: 10.0.0.1 of one"]


def test_host_ports_and_apparmor_annotations_are_reported_and_low_ports_are_allowed():
    assert violations(GOOD) == []
    pod = with_container("containers", ports=[{"containerPort": 80, "hostPort": 80}])
    assert violations(pod) == ["host ports: 80 of one"]
    name = "container.apparmor.security.beta.kubernetes.io/one"
    assert violations(GOOD, {name: "unconfined"}) == ["AppArmor: annotation unconfined"]
    assert violations(GOOD, {name: "runtime/default"}) == []
    context = {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    assert violations(with_container("containers", securityContext=context)) == []


def test_every_kind_of_object_with_pods_is_searched():
    template = {"template": {"spec": GOOD}}
    objects = [
        {"kind": kind, "metadata": {}, "spec": template}
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet")
    ]
    objects += [
        {"kind": "Pod", "metadata": {}, "spec": GOOD},
        {"kind": "CronJob", "metadata": {}, "spec": {"jobTemplate": {"spec": template}}},
        {"kind": "InferenceService", "metadata": {}, "spec": {"predictor": GOOD}},
        {"kind": "ServingRuntime", "metadata": {}, "spec": GOOD},
    ]
    assert [[pod for pod, _ in pod_specs(one)] for one in objects] == [[GOOD]] * 9


@pytest.mark.parametrize("name", VALUE_SETS)
def test_every_pod_of_the_chart_is_restricted_bounded_and_read_only(name: str):
    objects = render(VALUE_SETS[name])
    specs = [spec for one in objects for spec in pod_specs(one)]
    assert len(specs) == len([*pods(objects)]) >= 4
    assert [fault for pod, notes in specs for fault in violations(pod, notes)] == []
    for part, _, pod in pods(objects):
        assert pod["automountServiceAccountToken"] is False, part
        assert pod["enableServiceLinks"] is False, part
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, part
            resources = container["resources"]
            assert resources.keys() == {"requests", "limits"}, part
            bounds = {"cpu", "memory", "ephemeral-storage"}
            assert all(one.keys() == bounds for one in resources.values()), part
