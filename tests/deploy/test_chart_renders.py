"""The chart renders what each value set asks for, and refuses the rest so that one can read why."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.deploy.chart_refusals import REFUSALS
from tests.deploy.charted import (
    NAMESPACE,
    PACKAGES,
    VALUE_SETS,
    RenderingFailed,
    chosen,
    pods,
    render,
    text_of,
)
from tests.deploy.tools import CHART, ran, tool

MINIMAL = VALUE_SETS["minimal"]
SCHEMAS = {
    "chart": json.loads((CHART / "values.schema.json").read_text()),
    "redis": json.loads((CHART / "charts/redis/values.schema.json").read_text()),
}
PARTS = {"serving", "exporter", "dashboard", "brief", "mlflow", "redis", "test"}


def said(failed: RenderingFailed) -> str:
    return re.sub(r"\s+", " ", str(failed))


def container(name: str, part: str) -> dict[str, Any]:
    found = {one: pod for one, _, pod in pods(render(VALUE_SETS[name]))}
    return found[part]["containers"][0]


def environment(name: str, part: str) -> dict[str, Any]:
    return {
        one["name"]: one.get("value", one.get("valueFrom"))
        for one in container(name, part).get("env", [])
    }


def settings(name: str) -> dict[str, str]:
    return chosen(render(VALUE_SETS[name]), "ConfigMap", "volcast-settings")["data"]


@pytest.mark.parametrize("name", VALUE_SETS)
def test_each_value_set_renders_objects_with_names_of_their_own(name: str):
    found = [
        (one["kind"], one["metadata"]["namespace"], one["metadata"]["name"])
        for one in render(VALUE_SETS[name])
    ]
    assert len(found) == len(set(found)) > 20


@pytest.mark.parametrize("name", VALUE_SETS)
def test_helm_lint_finds_nothing(name: str):
    ran([tool("helm"), "lint", "--strict", "--quiet", str(CHART),
         "--values", str(VALUE_SETS[name])])  # fmt: skip


@pytest.mark.parametrize("what", REFUSALS)
def test_what_would_not_work_is_refused_with_its_reason(what: str):
    sets, reason = REFUSALS[what]
    with pytest.raises(RenderingFailed) as failed:
        text_of(MINIMAL, *sets)
    assert reason in said(failed.value)


def places_without_strictness(schema: Any, path: str = "") -> list[str]:
    """Return objects of a schema that take properties it does not name."""
    found = []
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("additionalProperties") is not False:
            found.append(path)
        for key, each in schema.items():
            found += places_without_strictness(each, f"{path}/{key}")
    return found


def test_no_object_of_the_schemas_takes_what_it_does_not_name():
    # Redis' values are the subchart's, which is as strict.
    assert places_without_strictness(SCHEMAS["chart"]) == ["/properties/redis"]
    assert places_without_strictness(SCHEMAS["redis"]) == []


def objects_of(values: Any, path: str = "") -> list[str]:
    if not isinstance(values, dict):
        return []
    inner = [one for key, each in values.items() for one in objects_of(each, f"{path}{key}.")]
    return [path, *inner]


def test_a_value_that_is_not_known_is_refused_wherever_it_stands():
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    free = ("labels.", "podLabels.", "Labels.", "annotations.", "packages.", "universe.")
    for path in objects_of(defaults):
        if path.endswith(free):
            continue
        with pytest.raises(RenderingFailed, match=r"'typo' not allowed"):
            text_of(MINIMAL, f"{path}typo=1")


def test_every_value_stands_in_the_schema_and_has_a_default():
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    known = SCHEMAS["chart"]["properties"]
    assert set(defaults) == set(known) - {"global"} == set(SCHEMAS["chart"]["required"])


def test_a_plain_install_has_every_part():
    assert {part for part, _, _ in pods(render(MINIMAL))} == PARTS


def test_parts_that_are_turned_off_leave_nothing_behind():
    parts = {
        "no-monitoring": {"exporter"},
        "mlflow-elsewhere": {"mlflow", "dashboard", "brief"},
        "redis-by-address": {"redis"},
        "kind": {"brief"},
    }
    for name, gone in parts.items():
        for one in render(VALUE_SETS[name]):
            labels = one["metadata"].get("labels", {})
            assert labels["app.kubernetes.io/component"] not in gone, (name, one["kind"])


def test_the_server_is_one_process_that_follows_the_champion():
    service = chosen(render(MINIMAL), "InferenceService", "volcast")
    predictor, one = service["spec"]["predictor"], container("minimal", "serving")
    assert service["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Standard"}
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (2, 4)
    assert predictor["deploymentStrategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "model" not in predictor
    assert "storageUri" not in str(predictor)
    assert one["name"] == "kserve-container"
    assert one["readinessProbe"]["httpGet"]["path"] == "/v2/models/volcast/ready"
    sleep, grace = int(one["lifecycle"]["preStop"]["exec"]["command"][1]), 30
    assert f"--grace-seconds {grace}" in " ".join(one["args"])
    assert predictor["terminationGracePeriodSeconds"] > sleep + grace


@pytest.mark.parametrize(
    ("part", "image", "module", "port"),
    [
        ("serving", "serving", "serving", 8080),
        ("exporter", "serving", "serving.exporter", 9108),
        ("dashboard", "dashboard", "serving.dashboard", 8501),
        ("brief", "dashboard", "serving.brief", 8081),
    ],
)
def test_a_part_runs_its_module_of_its_image_on_its_port(
    part: str, image: str, module: str, port: int
):
    one = container("minimal", part)
    assert one["image"] == f"registry.example.com/volcast/{image}:0.1.0"
    assert one["command"] == ["python", "-m", module]
    assert {str(port), "0.0.0.0"} <= set(one["args"])  # noqa: S104
    assert [each["containerPort"] for each in one["ports"]] == [port]
    service = chosen(render(MINIMAL), "Service", f"volcast-{part}")
    assert [each["port"] for each in service["spec"]["ports"]] == [port]
    mounts = {each["mountPath"] for each in one["volumeMounts"]}
    assert {"/tmp", "/app/var"} <= mounts  # noqa: S108


def test_a_digest_beats_the_tag_for_its_image_alone():
    assert container("digests", "serving")["image"] == (
        "registry.example.com/volcast/serving@sha256:" + "1" * 64
    )
    assert container("digests", "brief")["image"] == "registry.example.com/volcast/dashboard:1.2.3"
    assert container("kind", "dashboard")["image"] == "localhost:5001/volcast/dashboard:dev"


@pytest.mark.parametrize("part", ["serving", "brief", "test"])
def test_tokens_are_asked_for_by_every_part_that_can(part: str):
    token, keys = environment("token-auth", part), environment("oidc", part)
    assert token["VOLCAST_AUTH_TOKEN_FILE"] == "/var/run/volcast/auth/tokens"  # noqa: S105
    mounts = {one["name"]: one for one in container("token-auth", part)["volumeMounts"]}
    assert mounts["auth"]["mountPath"] == "/var/run/volcast/auth"
    assert keys["VOLCAST_AUTH_JWKS"] == "https://login.example.com/keys"
    assert keys["VOLCAST_AUTH_AUDIENCE"] == "volcast"
    assert not {"VOLCAST_AUTH_ISSUER", "VOLCAST_AUTH_TOKEN_FILE"} & keys.keys()
    assert environment("full", part)["VOLCAST_AUTH_ISSUER"] == "https://login.example.com/"


def test_the_online_store_is_named_once_and_a_password_comes_from_its_secret():
    secret = {"secretKeyRef": {"name": "volcast-online-store", "key": "url"}}
    named = {name: settings(name).get("VOLCAST_ONLINE_STORE") for name in VALUE_SETS}
    assert named["minimal"] == "redis://volcast-redis.volcast.svc:6379"
    assert named["redis-by-address"] == "rediss://features.example.com:6380/0"
    assert named["eks"] == "dynamodb://eu-west-1/volcast"
    assert (named["redis-by-secret"], named["full"]) == (None, None)
    assert environment("redis-by-secret", "serving")["VOLCAST_ONLINE_STORE"] == secret
    redis = container("full", "redis")
    assert redis["args"][-2:] == ["--requirepass", "$(REDISCLI_AUTH)"]
    assert redis["env"][0]["valueFrom"]["secretKeyRef"]["key"] == "password"
    assert "--requirepass" not in container("minimal", "redis")["args"]


def test_the_steps_are_told_what_the_servers_are_told():
    for name, path in VALUE_SETS.items():
        maps = [one for one in render(path) if one["metadata"]["name"] == "volcast-settings"]
        namespaces = {one["metadata"]["namespace"] for one in maps}
        assert len(namespaces - {NAMESPACE}) == len(maps) - 1 == 1, name
        assert maps[0]["data"] == maps[1]["data"]
    assert settings("kind")["AWS_ENDPOINT_URL_S3"] == "http://seaweedfs.storage.svc:8333"
    assert json.loads(settings("full")["VOLCAST_UNIVERSE"])["target"] == "SPY"


def test_mlflow_keeps_its_records_on_a_volume_or_in_a_database():
    secret = {"secretKeyRef": {"name": "volcast-mlflow", "key": "uri"}}
    uri = "MLFLOW_BACKEND_STORE_URI"
    assert environment("minimal", "mlflow")[uri] == "sqlite:////var/lib/mlflow/mlflow.db"
    assert environment("mlflow-database", "mlflow")[uri] == secret
    claims = {
        name: [one for one in render(path) if one["kind"] == "PersistentVolumeClaim"]
        for name, path in VALUE_SETS.items()
    }
    assert [len(claims[name]) for name in ("minimal", "mlflow-database", "mlflow-elsewhere")] == [
        1, 0, 0,
    ]  # fmt: skip
    assert claims["eks"][0]["spec"]["storageClassName"] == "gp3"
    assert settings("mlflow-elsewhere")["VOLCAST_MLFLOW_URI"] == "https://mlflow.example.com"


def test_mlflow_answers_to_the_name_that_the_steps_call_it_by():
    address = settings("minimal")["VOLCAST_MLFLOW_URI"].removeprefix("http://")
    hosts = next(
        one for one in container("minimal", "mlflow")["args"] if one.startswith("--allowed-hosts=")
    )
    assert address in hosts.removeprefix("--allowed-hosts=").split(",")


def test_nobody_but_the_pipelines_may_ask_the_cluster_for_anything():
    objects = render(VALUE_SETS["full"])
    (binding,) = (one for one in objects if "Binding" in one["kind"])
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "volcast-pipelines", "namespace": "kubeflow"}
    ]
    (role,) = (one for one in objects if one["kind"] in ("Role", "ClusterRole"))
    rules = [(one["resources"], one.get("resourceNames"), one["verbs"]) for one in role["rules"]]
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "kubeflow")
    assert rules == [
        (["workflowtaskresults"], None, ["create", "patch"]),
        (["configmaps"], ["kfp-launcher"], ["get"]),
        (["secrets"], ["mlpipeline-minio-artifact"], ["get"]),
    ]


def test_a_token_for_kubeflow_is_of_use_there_alone():
    pod = {one: spec for one, _, spec in pods(render(VALUE_SETS["schedules"]))}["schedules"]
    (volume,) = (one for one in pod["volumes"] if one["name"] == "kubeflow-token")
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"


def test_the_schedules_run_after_each_install_on_the_packages_that_are_given():
    objects = render(VALUE_SETS["schedules"])
    job = chosen(objects, "Job", "volcast-schedules")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    assert container("schedules", "schedules")["command"] == ["python", "-m", "pipelines.schedules"]
    packages = chosen(objects, "ConfigMap", "volcast-pipelines")["data"]
    assert packages == {"train.yaml": "pipelineInfo: {name: volcast-train}\n"}
    assert [one for one in render(MINIMAL) if one["kind"] == "Job"] == []


def test_the_compiled_pipelines_go_in_by_set_file_byte_for_byte():
    flags = [part for one in PACKAGES for part in ("--set-file", one)]
    text = ran([tool("helm"), "template", "volcast", str(CHART), "--namespace", NAMESPACE,
                "--values", str(VALUE_SETS["schedules"]), *flags,
                "--show-only", "templates/schedules.yaml"])  # fmt: skip
    (packages,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "ConfigMap")
    for path in (CHART.parents[1] / "pipelines/compiled").glob("*.yaml"):
        assert packages["data"][path.name] == path.read_text()


def test_rules_and_dashboards_are_the_files_of_the_chart():
    objects = render(MINIMAL)
    rules = yaml.safe_load((CHART / "files/rules/volcast.yaml").read_text())
    assert chosen(objects, "PrometheusRule", "volcast")["spec"] == rules
    boards = sorted((CHART / "files/dashboards").glob("*.json"))
    assert len(boards) >= 7
    for path in boards:
        data = chosen(objects, "ConfigMap", f"{path.stem}-dashboard")["data"]
        assert json.loads(data[path.name]) == json.loads(path.read_text())


def test_every_part_with_metrics_is_scraped_once():
    objects = render(MINIMAL)
    services = [one["metadata"]["labels"] for one in objects if one["kind"] == "Service"]
    scraped = {}
    for one in objects:
        if one["kind"] == "ServiceMonitor":
            wanted = one["spec"]["selector"]["matchLabels"].items()
            chosen_by = [labels for labels in services if wanted <= labels.items()]
            assert len(chosen_by) == 1
            scraped[one["metadata"]["name"]] = chosen_by[0]["app.kubernetes.io/component"]
    assert set(scraped.values()) == {"serving", "exporter", "brief"}
    # KServe's own Service takes over the labels of the predictor, and must not be chosen too.
    predictor = chosen(objects, "InferenceService", "volcast")["spec"]["predictor"]["labels"]
    assert "volcast/service" not in predictor


def test_the_route_takes_predict_alone_and_by_tls():
    for name, parent in (("full", NAMESPACE), ("route", "gateways")):
        objects = render(VALUE_SETS[name])
        route = chosen(objects, "HTTPRoute", "volcast-predict")["spec"]
        assert route["parentRefs"][0] | {"name": ""} == {
            "name": "", "namespace": parent, "sectionName": "https",
        }  # fmt: skip
        (rule,) = route["rules"]
        assert rule["matches"] == [{"path": {"type": "Exact", "value": "/predict"}}]
        service = chosen(objects, "Service", rule["backendRefs"][0]["name"])
        assert service["spec"]["ports"][0]["port"] == rule["backendRefs"][0]["port"]
    (listener,) = chosen(render(VALUE_SETS["full"]), "Gateway", "volcast")["spec"]["listeners"]
    assert (listener["protocol"], listener["tls"]["mode"]) == ("HTTPS", "Terminate")


def test_every_account_setting_and_volume_that_a_pod_names_is_there():
    for name, path in VALUE_SETS.items():
        objects = render(path)
        there = {(one["kind"], one["metadata"]["name"]) for one in objects}
        for part, _, pod in pods(objects):
            assert ("ServiceAccount", pod["serviceAccountName"]) in there, (name, part)
            for one in pod["containers"]:
                for source in one.get("envFrom", []):
                    assert ("ConfigMap", source["configMapRef"]["name"]) in there, (name, part)
            mounted = {each["name"] for one in pod["containers"] for each in one["volumeMounts"]}
            assert mounted == {each["name"] for each in pod["volumes"]}, (name, part)
