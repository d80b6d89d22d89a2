"""Each step's pod gets what that step needs of the cluster, and runs where none of it exists."""

from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from kfp.pipeline_spec import pipeline_spec_pb2

from pipelines.compile import COMPILED
from pipelines.pods import RESOURCES, pod, resources
from volcast.steps import ROLES, STEPS, TASKS

TEXT, NUMBER, WHOLE, BOOL, MESSAGE = 9, 5, 3, 8, 11
# The fields of kubernetes_executor_config.proto (kfp-kubernetes 2.17) that we write: number, type,
# whether repeated.
PROTO: dict[str, dict[str, tuple[int, int | str, bool]]] = {
    "KeyToEnv": {"secret_key": (1, TEXT, False), "env_var": (2, TEXT, False)},
    "ConfigKeyToEnv": {"config_map_key": (1, TEXT, False), "env_var": (2, TEXT, False)},
    "SecretAsEnv": {
        "secret_name": (1, TEXT, False), "key_to_env": (2, "KeyToEnv", True),
        "optional": (3, BOOL, False), "secret_name_parameter": (4, "Parameter", False),
    },
    "ConfigMapAsEnv": {
        "config_map_name": (1, TEXT, False), "key_to_env": (2, "ConfigKeyToEnv", True),
        "config_map_name_parameter": (3, "Parameter", False), "optional": (4, BOOL, False),
    },
    "FieldPathAsEnv": {"name": (1, TEXT, False), "field_path": (2, TEXT, False)},
    "Toleration": {
        "key": (1, TEXT, False), "operator": (2, TEXT, False), "value": (3, TEXT, False),
        "effect": (4, TEXT, False),
    },
    "SelectorRequirement": {
        "key": (1, TEXT, False), "operator": (2, TEXT, False), "values": (3, TEXT, True),
    },
    "NodeAffinityTerm": {
        "match_expressions": (1, "SelectorRequirement", True), "weight": (3, NUMBER, False),
    },
    "ConfigMapAsVolume": {
        "config_map_name": (1, TEXT, False), "mount_path": (2, TEXT, False),
        "optional": (3, BOOL, False), "config_map_name_parameter": (4, "Parameter", False),
    },
    "SecurityContext": {
        "run_as_user": (1, WHOLE, False), "run_as_group": (2, WHOLE, False),
        "run_as_non_root": (6, BOOL, False),
    },
    "KubernetesExecutorConfig": {
        "secret_as_env": (2, "SecretAsEnv", True), "config_map_as_env": (9, "ConfigMapAsEnv", True),
        "pod_metadata": (5, "PodMetadata", False), "active_deadline_seconds": (10, WHOLE, False),
        "field_path_as_env": (11, "FieldPathAsEnv", True), "tolerations": (12, "Toleration", True),
        "node_affinity": (14, "NodeAffinityTerm", True),
        "config_map_as_volume": (8, "ConfigMapAsVolume", True),
        "security_context": (18, "SecurityContext", False),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def config() -> Any:
    """The message as Kubeflow's driver knows it."""
    parameter = pipeline_spec_pb2.TaskInputsSpec.InputParameterSpec.DESCRIPTOR
    file = descriptor_pb2.FileDescriptorProto(
        name="ours.proto", package="ours", syntax="proto3", dependency=[parameter.file.name]
    )
    metadata = file.message_type.add(name="PodMetadata")
    labels = metadata.nested_type.add(name="LabelsEntry")
    labels.options.map_entry = True
    for number, field in enumerate(("key", "value"), 1):
        labels.field.add(name=field, number=number, label=1, type=TEXT)
    metadata.field.add(
        name="labels", number=1, label=3, type=11, type_name=".ours.PodMetadata.LabelsEntry"
    )
    for name, fields in PROTO.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            declared = message.field.add(name=field, number=number, label=3 if repeated else 1)
            declared.type = MESSAGE if isinstance(kind, str) else kind
            if isinstance(kind, str):
                types = {"Parameter": f".{parameter.full_name}"}
                declared.type_name = types.get(kind, f".ours.{kind}")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("ours.KubernetesExecutorConfig")
    )


def task_of(label: str) -> str:
    return label.removeprefix("exec-").replace("-", "_")


def executors(name: str) -> dict[str, dict[str, Any]]:
    _, platform = yaml.safe_load_all((COMPILED / name).read_text())
    return platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


@pytest.mark.parametrize("name", ["train.yaml", "daily_inference.yaml", "evaluate.yaml"])
def test_what_is_compiled_is_read_by_kubeflows_own_message(config, name):
    for label, executor in executors(name).items():
        message = json_format.ParseDict(executor, config())
        for one in message.config_map_as_env:
            assert one.config_map_name_parameter.runtime_value.constant.string_value
            assert one.optional
        assert message.active_deadline_seconds in (3600, 21600)
        user = message.security_context
        assert (user.run_as_user, user.run_as_group, user.run_as_non_root) == (10001, 10001, True)
        (volume,) = message.config_map_as_volume
        assert (volume.mount_path, volume.optional) == ("/etc/volcast/ca", True)
        assert [one.name for one in message.field_path_as_env] == ["VOLCAST_RUN_ID"]
        assert dict(message.pod_metadata.labels) == {"volcast/role": role_of(task_of(label))}


def role_of(task: str) -> str:
    return ROLES[TASKS[task][0]]


def environment(task: str) -> dict[str, tuple[str, str]]:
    """Where each variable of a task comes from: object and key."""
    config = pod(task)
    sources: dict[str, tuple[str, str]] = {}
    for kind, name, key in (
        ("configMapAsEnv", "configMapName", "configMapKey"),
        ("secretAsEnv", "secretName", "secretKey"),
    ):
        for one in config[kind]:
            assert one["optional"] is True
            assert one[f"{name}Parameter"] == {"runtimeValue": {"constant": one[name]}}
            for pair in one["keyToEnv"]:
                assert pair["envVar"] not in sources, "which of two wins is left to the API server"
                sources[pair["envVar"]] = (one[name], pair[key])
    return sources


CERTIFICATES = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
STORE = {
    **{name: ("volcast-settings", name) for name in CERTIFICATES},
    "AWS_ENDPOINT_URL_S3": ("volcast-settings", "AWS_ENDPOINT_URL_S3"),
    "AWS_REGION": ("volcast-settings", "AWS_REGION"),
    "AWS_DEFAULT_REGION": ("volcast-settings", "AWS_REGION"),
    "AWS_WEB_IDENTITY_TOKEN_FILE": ("volcast-roles", "token_file"),
    "AWS_ACCESS_KEY_ID": ("volcast-store", "AWS_ACCESS_KEY_ID"),
    "AWS_SECRET_ACCESS_KEY": ("volcast-store", "AWS_SECRET_ACCESS_KEY"),
}
OWN = {
    "ingest": {"VOLCAST_FRED_API_KEY": ("volcast-sources", "fred_api_key")},
    "materialize": {"VOLCAST_ONLINE_STORE": ("volcast-online", "url")},
    "promote_or_shadow": {"VOLCAST_MLFLOW_URI": ("volcast-settings", "VOLCAST_MLFLOW_URI")},
}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_the_store_its_own_role_and_what_it_alone_reads(task):
    role = {"AWS_ROLE_ARN": ("volcast-roles", role_of(task))}
    assert environment(task) == STORE | role | OWN.get(task, {})


def test_training_prefers_its_nodes_and_takes_any():
    for task in TASKS:
        placed = {"nodeAffinity", "tolerations"} & pod(task).keys()
        assert bool(placed) == (task in {"train_and_gate", "evaluate"})
    (term,) = pod("train_and_gate")["nodeAffinity"]
    (taint,) = pod("train_and_gate")["tolerations"]
    assert term["weight"] == 100  # without a weight a node of that label would be needed
    assert {one["key"] for one in (*term["matchExpressions"], taint)} == {"volcast-training"}


def test_every_task_requests_the_share_of_its_largest_step():
    for task, steps in TASKS.items():
        assert resources(task) in [RESOURCES[STEPS[step].share] for step in steps]
        assert all(resources(task)[3] >= RESOURCES[STEPS[step].share][3] for step in steps)
    for name in ("train.yaml", "daily_inference.yaml", "evaluate.yaml"):
        spec = next(yaml.safe_load_all((COMPILED / name).read_text()))
        for label, executor in spec["deploymentSpec"]["executors"].items():
            requested = executor["container"]["resources"]
            names = ("CpuRequest", "CpuLimit", "MemoryRequest", "MemoryLimit")
            shares = tuple(requested[f"resource{part}"] for part in names)
            assert shares == resources(task_of(label)), label
