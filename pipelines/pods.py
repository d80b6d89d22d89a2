"""The pod of each task on a cluster: its settings, its role, its share of a node."""

from volcast.steps.table import STEPS, TASKS, Step

__all__ = ["RESOURCES", "pod", "resources"]

RESOURCES = {
    "light": ("100m", "1", "512Mi", "1Gi"),
    "medium": ("200m", "2", "1Gi", "2Gi"),
    "heavy": ("250m", "4", "1Gi", "3Gi"),
}
"""By share of a node: CPU request and limit, memory request and limit.

The requests fit next to everything else on a node of 2 CPUs (docs/deploy.md).
"""

_RUN_ID = {"name": "VOLCAST_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}

_EVERYWHERE = {
    "AWS_ENDPOINT_URL_S3": "AWS_ENDPOINT_URL_S3",
    # boto3 reads the second, other clients the first.
    "AWS_REGION": "AWS_REGION",
    "AWS_DEFAULT_REGION": "AWS_REGION",
    # Files of volcast-ca.
    **{
        name: name
        for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    },
}
"""Environment of every step, each variable with its key in the ConfigMap volcast-settings."""

_STORE = {
    "AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
}

_TRAINING = "volcast-training"
"""Label and taint of nodes that are there for training: tolerated, preferred, not needed."""

_HOUR = 3600

_USER = "10001"
"""Of our images. Kubeflow itself drops all capabilities and sets the profile of seccomp."""


def resources(task: str) -> tuple[str, str, str, str]:
    """Return a task's CPU request and limit, and memory request and limit."""
    return RESOURCES[_largest(task).share]


def _largest(task: str) -> Step:
    """Return the step of a task that requests the most; in all else they are alike."""
    shares = list(RESOURCES)
    return max((STEPS[step] for step in TASKS[task]), key=lambda step: shares.index(step.share))


def pod(task: str) -> dict[str, object]:
    """Return the task's configuration in the form of ``kfp_kubernetes.KubernetesExecutorConfig``.

    It is what ``kfp.kubernetes`` would write; that is another package, for a table. All that is
    named here may be absent from the cluster, and is then absent from the environment: a role
    where an AWS account has none, keys where pods have a role.
    """
    described = _largest(task)
    heavy = described.share == "heavy"
    secrets = [_environment("secret", "volcast-store", _STORE)]
    if described.secret:
        name, key, variable = described.secret
        secrets.append(_environment("secret", name, {variable: key}))
    settings = _EVERYWHERE | {variable: variable for variable in described.settings}
    # EKS writes where the token is only for containers that name no role themselves.
    role = {"AWS_ROLE_ARN": described.role, "AWS_WEB_IDENTITY_TOKEN_FILE": "token_file"}
    config: dict[str, object] = {
        # A step that hangs would block the next day's run, for there is one run at a time.
        "activeDeadlineSeconds": str(6 * _HOUR if heavy else _HOUR),
        "securityContext": {"runAsUser": _USER, "runAsGroup": _USER, "runAsNonRoot": True},
        # Network policies select the steps of a role by it.
        "podMetadata": {"labels": {"volcast/role": described.role}},
        "fieldPathAsEnv": [_RUN_ID],
        "configMapAsEnv": [
            _environment("configMap", "volcast-settings", settings),
            _environment("configMap", "volcast-roles", role),
        ],
        "secretAsEnv": secrets,
        "configMapAsVolume": [
            _named("configMap", "volcast-ca") | {"mountPath": "/etc/volcast/ca", "optional": True}
        ],
    }
    return config | _on_training_nodes() if heavy else config


def _named(kind: str, name: str) -> dict[str, object]:
    return {
        f"{kind}Name": name,
        f"{kind}NameParameter": {"runtimeValue": {"constant": name}},
    }


def _environment(kind: str, name: str, keys: dict[str, str]) -> dict[str, object]:
    return _named(kind, name) | {
        "keyToEnv": [{f"{kind}Key": key, "envVar": variable} for variable, key in keys.items()],
        "optional": True,
    }


def _on_training_nodes() -> dict[str, object]:
    label = {"key": _TRAINING, "operator": "In", "values": ["true"]}
    taint = {"key": _TRAINING, "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    return {
        "nodeAffinity": [{"matchExpressions": [label], "weight": 100}],
        "tolerations": [taint],
    }
