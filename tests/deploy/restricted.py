"""The Pod Security Standards' profile "restricted", as a function of a pod's spec.

Controls and allowed values are those of the Kubernetes documentation, Pod Security Standards, for
Linux pods; the profile holds all of "baseline".
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["pod_specs", "violations"]

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}  # fmt: skip
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SECCOMP = {"RuntimeDefault", "Localhost"}
_GROUPS = ("containers", "initContainers", "ephemeralContainers")
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"

Spec = Mapping[str, Any]


def pod_specs(one: Spec) -> Iterator[tuple[Spec, Mapping[str, str]]]:
    """Yield spec and annotations of each kind of pod that an object makes."""
    kind, spec = one["kind"], one.get("spec", {})
    if kind == "Pod":
        yield spec, one["metadata"].get("annotations", {})
    elif kind == "CronJob":
        yield from _of_template(spec["jobTemplate"]["spec"]["template"])
    elif kind == "InferenceService":
        for component in ("predictor", "transformer", "explainer"):
            if component in spec:
                yield spec[component], spec[component].get("annotations", {})
    elif kind in ("ServingRuntime", "ClusterServingRuntime"):
        yield spec, spec.get("annotations", {})
    elif "template" in spec and "spec" in spec["template"]:
        yield from _of_template(spec["template"])


def _of_template(template: Spec) -> Iterator[tuple[Spec, Mapping[str, str]]]:
    yield template["spec"], template.get("metadata", {}).get("annotations", {})


def violations(pod: Spec, annotations: Mapping[str, str] | None = None) -> list[str]:
    """Return what in a pod the profile forbids, each as ``control: where``; empty if it passes."""
    found = [*_of_pod(pod, annotations or {})]
    context = pod.get("securityContext") or {}
    for group in _GROUPS:
        for container in pod.get(group) or ():
            found += [f"{fault} of {container['name']}" for fault in _of_container(container)]
            found += [f"{fault} of {container['name']}" for fault in _unset(container, context)]
    return found


def _of_pod(pod: Spec, annotations: Mapping[str, str]) -> Iterator[str]:
    context = pod.get("securityContext") or {}
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"host namespaces: {name}"
    for volume in pod.get("volumes") or ():
        for kind in volume.keys() - {"name"} - VOLUMES:
            yield f"volume types: {kind} {volume['name']}"
    for sysctl in context.get("sysctls") or ():
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctls: {sysctl['name']}"
    for name, profile in annotations.items():
        if name.startswith(_APPARMOR) and not (
            profile in ("", "runtime/default") or profile.startswith("localhost/")
        ):
            yield f"AppArmor: annotation {profile}"
    yield from _of_context(context)


def _of_context(context: Spec) -> Iterator[str]:
    """Yield what neither a pod's nor a container's security context may say."""
    if context.get("runAsNonRoot") is False:
        yield "run as non-root: false"
    if context.get("runAsUser") == 0:
        yield "run as user: 0"
    seccomp = (context.get("seccompProfile") or {}).get("type")
    if seccomp is not None and seccomp not in SECCOMP:
        yield f"seccomp: {seccomp}"
    apparmor = (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault")
    if apparmor not in SECCOMP:
        yield f"AppArmor: {apparmor}"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES:
        yield f"SELinux: type {selinux['type']}"
    for name in ("user", "role"):
        if selinux.get(name):
            yield f"SELinux: {name} {selinux[name]}"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "host process"


def _of_container(container: Spec) -> Iterator[str]:
    context = container.get("securityContext") or {}
    yield from _of_context(context)
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "privilege escalation: not false"
    if context.get("procMount", "Default") != "Default":
        yield f"/proc mount: {context['procMount']}"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "capabilities: ALL not dropped"
    for name in capabilities.get("add") or ():
        if name != "NET_BIND_SERVICE":
            yield f"capabilities: {name} added"
    for port in container.get("ports") or ():
        if port.get("hostPort"):
            yield f"host ports: {port['hostPort']}"
    for host in _probed_hosts(container):
        yield f"host probes: {host}"


def _probed_hosts(container: Spec) -> Iterator[str]:
    hooks = container.get("lifecycle") or {}
    handlers = [container.get(f"{name}Probe") for name in ("liveness", "readiness", "startup")]
    for handler in (*handlers, hooks.get("postStart"), hooks.get("preStop")):
        for way in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(way) or {}).get("host")
            if host:
                yield str(host)


def _unset(container: Spec, pod_context: Spec) -> Iterator[str]:
    """Yield what must be said by the container, or else by its pod."""
    context = container.get("securityContext") or {}
    if context.get("runAsNonRoot", pod_context.get("runAsNonRoot")) is None:
        yield "run as non-root: unset"
    if not (context.get("seccompProfile") or pod_context.get("seccompProfile")):
        yield "seccomp: unset"
