"""Every pod of every value set passes Pod Security "restricted", and what breaks it is found."""

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


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(base)
    for name, value in more.items():
        within = isinstance(value, dict) and name == "securityContext"
        found[name] = {**found.get(name, {}), **value} if within else value
    return found


def with_container(group: str, **more: Any) -> dict[str, Any]:
    pod = copy.deepcopy(GOOD)
    one = merged(GOOD["containers"][0], more)
    pod[group] = [{**one, "name": "other"}] if group != "containers" else [one]
    return pod


def test_a_pod_that_says_what_it_must_passes():
    assert violations(GOOD) == []


@pytest.mark.parametrize("fault", POD_FAULTS)
def test_what_a_pod_must_not_say_is_found(fault: str):
    assert violations(merged(GOOD, POD_FAULTS[fault])) == [fault]


@pytest.mark.parametrize("group", ["containers", "initContainers", "ephemeralContainers"])
@pytest.mark.parametrize("fault", CONTAINER_FAULTS)
def test_what_a_container_of_any_kind_must_not_say_is_found(fault: str, group: str):
    found = violations(with_container(group, securityContext=CONTAINER_FAULTS[fault]))
    assert [one.partition(" of ")[0] for one in found] == [fault]


@pytest.mark.parametrize("group", ["containers", "initContainers", "ephemeralContainers"])
@pytest.mark.parametrize("name", ["runAsNonRoot", "seccompProfile"])
def test_what_neither_pod_nor_container_says_is_found(name: str, group: str):
    pod = with_container(group)
    said = pod["securityContext"].pop(name)
    control = {"runAsNonRoot": "run as non-root: unset", "seccompProfile": "seccomp: unset"}[name]
    assert {one.partition(" of ")[0] for one in violations(pod)} == {control}
    for container in (one for key in ("containers", group) for one in pod[key]):
        container["securityContext"][name] = said
    assert violations(pod) == []


@pytest.mark.parametrize("handler", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_a_probe_of_another_host_is_found(handler: str):
    pod = with_container("containers", **{handler: {"httpGet": {"host": "10.0.0.1", "port": 80}}})
    assert violations(pod) == ["host probes: 10.0.0.1 of one"]


def test_a_port_of_the_node_is_found():
    pod = with_container("containers", ports=[{"containerPort": 80, "hostPort": 80}])
    assert violations(pod) == ["host ports: 80 of one"]


def test_the_old_annotation_of_apparmor_is_read():
    name = "container.apparmor.security.beta.kubernetes.io/one"
    assert violations(GOOD, {name: "unconfined"}) == ["AppArmor: annotation unconfined"]
    assert violations(GOOD, {name: "runtime/default"}) == []


def test_binding_a_low_port_may_be_allowed():
    context = {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    assert violations(with_container("containers", securityContext=context)) == []


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"])
def test_pods_are_found_in_workloads(kind: str):
    one = {"kind": kind, "metadata": {}, "spec": {"template": {"spec": GOOD}}}
    assert [pod for pod, _ in pod_specs(one)] == [GOOD]


def test_pods_are_found_in_the_other_kinds():
    job = {"spec": {"template": {"spec": GOOD}}}
    specs = [
        {"kind": "Pod", "metadata": {}, "spec": GOOD},
        {"kind": "CronJob", "metadata": {}, "spec": {"jobTemplate": job}},
        {"kind": "InferenceService", "metadata": {}, "spec": {"predictor": GOOD}},
        {"kind": "ServingRuntime", "metadata": {}, "spec": GOOD},
    ]
    assert [pod for one in specs for pod, _ in pod_specs(one)] == [GOOD] * 4


@pytest.mark.parametrize("name", VALUE_SETS)
def test_every_pod_of_the_chart_passes(name: str):
    objects = render(VALUE_SETS[name])
    specs = [found for one in objects for found in pod_specs(one)]
    assert len(specs) == len([*pods(objects)]) >= 5
    assert [fault for pod, notes in specs for fault in violations(pod, notes)] == []


@pytest.mark.parametrize("name", VALUE_SETS)
def test_every_pod_of_the_chart_is_bounded_and_keeps_its_root_unwritten(name: str):
    for part, _, pod in pods(render(VALUE_SETS[name])):
        assert pod["automountServiceAccountToken"] is False, part
        assert pod["enableServiceLinks"] is False, part
        for one in pod["containers"]:
            assert one["securityContext"]["readOnlyRootFilesystem"] is True, part
            assert one["resources"].keys() == {"requests", "limits"}, part
            bounded = {"cpu", "memory", "ephemeral-storage"}
            assert all(each.keys() == bounded for each in one["resources"].values())
