"""What the pod of each step is given on a cluster: its settings, its role, its share of a node."""

from components.roles import ROLES

__all__ = ["RESOURCES", "SHARES", "Resources", "pod"]

Resources = tuple[str, str, str, str]
"""CPU asked for and at most, memory asked for and at most, as Kubernetes writes them."""

SHARES: dict[str, Resources] = {
    "light": ("250m", "1", "512Mi", "1Gi"),
    "middling": ("500m", "2", "1Gi", "2Gi"),
    "heavy": ("1", "4", "1Gi", "3Gi"),
}
"""On SPY since 1993 training was seen to hold 592 MiB, the drift check 661, validation 422 and no
other step more than 400."""

RESOURCES = dict.fromkeys(ROLES, "light") | {
    "validate": "middling",
    "features": "middling",
    "drift": "middling",
    "train": "heavy",
    "evaluate": "heavy",
}
"""Share by step."""

_RUN_ID = {"name": "VOLCAST_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}

_EVERYWHERE = {
    "AWS_ENDPOINT_URL_S3": "AWS_ENDPOINT_URL_S3",
    # boto3 reads the second, other clients the first.
    "AWS_REGION": "AWS_REGION",
    "AWS_DEFAULT_REGION": "AWS_REGION",
}
_SETTINGS = {
    "promote": {"VOLCAST_MLFLOW_URI": "VOLCAST_MLFLOW_URI"},
    "shadow": {"VOLCAST_MLFLOW_URI": "VOLCAST_MLFLOW_URI"},
}
"""Environment by step, each variable with its key in the ConfigMap volcast-settings."""

_SECRETS = {
    "ingest": ("volcast-sources", {"VOLCAST_FRED_API_KEY": "fred_api_key"}),
    # The address may hold a password.
    "materialize": ("volcast-online", {"VOLCAST_ONLINE_STORE": "url"}),
}
"""Secret by step, and the key of each variable."""

_STORE = {
    "AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
}

_TRAINING = "volcast-training"
"""Label and taint of nodes that are there for training: tolerated, preferred, not needed."""

_HOUR = 3600


def pod(step: str) -> dict[str, object]:
    """Return the step's configuration in the form of ``kfp_kubernetes.KubernetesExecutorConfig``.

    It is what ``kfp.kubernetes`` would write; that is another package, for a table. All that is
    named here may be absent from the cluster, and is then absent from the environment: a role
    where an AWS account has none, keys where pods have a role.
    """
    heavy = RESOURCES[step] == "heavy"
    # A step that hangs would keep the next day's run waiting, for there is one run at a time.
    given: dict[str, object] = {"activeDeadlineSeconds": str(6 * _HOUR if heavy else _HOUR)}
    # Network policies tell the steps of one role from another's by it.
    given["podMetadata"] = {"labels": {"volcast/role": ROLES[step]}}
    given["fieldPathAsEnv"] = [_RUN_ID]
    given["configMapAsEnv"] = [
        _config_map("volcast-settings", _EVERYWHERE | _SETTINGS.get(step, {})),
        # EKS writes where the token is only for containers that name no role themselves.
        _config_map(
            "volcast-roles",
            {"AWS_ROLE_ARN": ROLES[step], "AWS_WEB_IDENTITY_TOKEN_FILE": "token_file"},
        ),
    ]
    given["secretAsEnv"] = [_secret("volcast-store", _STORE)]
    if step in _SECRETS:
        given["secretAsEnv"] = [_secret("volcast-store", _STORE), _secret(*_SECRETS[step])]
    if heavy:
        given |= _on_training_nodes()
    return given


def _config_map(name: str, keys: dict[str, str]) -> dict[str, object]:
    return {
        "configMapName": name,
        "configMapNameParameter": {"runtimeValue": {"constant": name}},
        "keyToEnv": [{"configMapKey": key, "envVar": variable} for variable, key in keys.items()],
        "optional": True,
    }


def _secret(name: str, keys: dict[str, str]) -> dict[str, object]:
    return {
        "secretName": name,
        "secretNameParameter": {"runtimeValue": {"constant": name}},
        "keyToEnv": [{"secretKey": key, "envVar": variable} for variable, key in keys.items()],
        "optional": True,
    }


def _on_training_nodes() -> dict[str, object]:
    wanted = {"key": _TRAINING, "operator": "In", "values": ["true"]}
    taint = {"key": _TRAINING, "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    return {
        "nodeAffinity": [{"matchExpressions": [wanted], "weight": 100}],
        "tolerations": [taint],
    }
