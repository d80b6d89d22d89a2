"""What the chart renders for each value set, and which values it refuses."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.schedules import _parser
from tests.deploy.chart_facts import FOLDER, lines, with_notes
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
from tests.deploy.tools import CHART, TEMPLATE, ran, tool

MINIMAL = VALUE_SETS["minimal"]
ROUTED = (
    "route.enabled=true auth.tokenSecret=t route.hostname=v.example.com route.gateway.name=g"
    " route.gateway.create=true"
)
# Values set on the minimal ones | what the message has to name.
REFUSALS = """
redis.address=redis://r:6379 | redis.enabled and redis.address
redis.enabled=false redis.address=redis://r:6379 redis.existingSecret=s | redis.address and redis.existingSecret
redis.enabled=false | redis: no online store
mlflow.uri=https://m.example.com | mlflow.enabled and mlflow.uri
schedules.enabled=true | schedules.enabled without pipelines.packages
auth.oidc.jwks=https://k.example.com | auth.oidc.jwks without auth.oidc.audience
auth.oidc.audience=volcast | auth.oidc without auth.oidc.jwks
auth.oidc.issuer=https://i.example.com | auth.oidc without auth.oidc.jwks
route.enabled=true route.hostname=v.example.com route.gateway.name=g | route.enabled without auth.tokenSecret or auth.oidc.jwks
route.enabled=true auth.tokenSecret=t route.hostname=v.example.com | set route.hostname and route.gateway.name
route.enabled=true auth.tokenSecret=t route.gateway.name=g | set route.hostname and route.gateway.name
ROUTED route.gateway.className=c | there is no route without TLS
ROUTED route.gateway.tlsSecret=t | set route.gateway.className and route.gateway.tlsSecret
ROUTED route.gateway.className=c route.gateway.tlsSecret=t route.gateway.namespace=elsewhere | a Gateway that is made is in the release's namespace
exporter.enabled=false | monitoring.enabled without exporter.enabled
externalSecrets.secrets[0].name=a externalSecrets.secrets[0].key=b | externalSecrets.secrets without externalSecrets.store.name
serving.maxReplicas=1 | serving.minReplicas 2 is more than serving.maxReplicas 1
store.uri= | '/store/uri'
store.uri=/var/store | '/store/uri'
image.registry= | '/image/registry'
image.digests.serving=sha256:abc | '/image/digests/serving'
image.digests.model=sha256:abc | 'model' not allowed
redis.address=redis://:p@r:6379 | '/redis/address'
serving.minReplicas=two | got string, want integer
serving.minReplicas=0 | '/serving/minReplicas'
mlflow.enabled=maybe | got string, want boolean
source=csv | '/source'
auth.oidc.jwks=http://k.example.com auth.oidc.audience=v | '/auth/oidc/jwks'
mlflow.image=ghcr.io/mlflow/mlflow | '/mlflow/image'
mlflow.image=ghcr.io/mlflow/mlflow:latest | '/mlflow/image'
redis.image=redis:latest | '/image'
pipelines.roles.ingest=admin | '/pipelines/roles/ingest'
pipelines.roles.cook=x | 'cook' not allowed
serving.resources.limits.memory=null | missing property 'memory'
"""  # noqa: E501
SCHEMAS = {
    "chart": json.loads((CHART / "values.schema.json").read_text()),
    "redis": json.loads((CHART / "charts/redis/values.schema.json").read_text()),
}


def container(name: str, part: str) -> dict[str, Any]:
    specs = {one: pod for one, _, pod in pods(render(VALUE_SETS[name]))}
    return specs[part]["containers"][0]


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the chart that renders its notes too."""
    return with_notes(shutil.copytree(CHART, tmp_path_factory.mktemp("chart") / "volcast"))


@pytest.mark.parametrize("name", VALUE_SETS)
def test_a_value_set_renders_its_recorded_facts(name: str, chart: Path):
    recorded = (FOLDER / f"{name}.txt").read_text().splitlines()
    assert recorded
    assert lines(name, chart) == recorded


def test_facts_are_recorded_of_the_value_sets_only():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(VALUE_SETS)


@pytest.mark.parametrize("case", REFUSALS.strip().splitlines())
def test_values_that_cannot_work_are_refused_with_the_reason(case: str):
    sets, _, reason = case.partition(" | ")
    with pytest.raises(RenderingFailed) as failed:
        text_of(MINIMAL, *sets.replace("ROUTED", ROUTED).split())
    assert reason in re.sub(r"\s+", " ", str(failed.value))


def places_without_strictness(schema: Any, path: str = "") -> list[str]:
    """Return the objects of a schema that accept unnamed properties."""
    places = []
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("additionalProperties") is not False:
            places.append(path)
        for key, each in schema.items():
            places += places_without_strictness(each, f"{path}/{key}")
    return places


def test_no_object_of_the_schemas_accepts_an_unknown_value():
    # Redis' values are the subchart's, which is as strict.
    assert places_without_strictness(SCHEMAS["chart"]) == ["/properties/redis"]
    assert places_without_strictness(SCHEMAS["redis"]) == []


def test_every_value_is_in_the_schema_and_has_a_default():
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    properties = SCHEMAS["chart"]["properties"]
    assert set(defaults) == set(properties) == set(SCHEMAS["chart"]["required"])


def test_the_server_has_time_to_finish_its_requests():
    predictor = chosen(render(MINIMAL), "InferenceService", "volcast")["spec"]["predictor"]
    one = container("minimal", "serving")
    sleep = int(one["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = int(one["args"][one["args"].index("--grace-seconds") + 1])
    assert predictor["terminationGracePeriodSeconds"] > sleep + grace


def test_every_pod_has_what_the_shared_block_names():
    values = yaml.safe_load(VALUE_SETS["pods"].read_text())["global"]["pods"]
    makers = 0
    for one in render(VALUE_SETS["pods"]):
        for part, _, pod in pods([one]):
            makers += 1
            for name in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
                assert pod[name] == values[name], part
            annotations = json.dumps(one).count('"example.com/owner": "quant"')
            assert annotations == 1, part
            (container,) = pod["containers"]
            if part != "redis":
                assert values["extraEnv"][0] in container["env"], part
            if part not in {"redis", "mlflow"}:
                assert {"name": "ca", "configMap": {"name": "volcast-ca"}} in pod["volumes"], part
    assert makers == 9
    files = [o for o in render(VALUE_SETS["pods"]) if o["metadata"]["name"] == "volcast-ca"]
    assert {one["metadata"]["namespace"] for one in files} == {NAMESPACE, "kubeflow"}
    assert {one["data"]["ca.crt"].strip() for one in files} == {values["caBundle"].strip()}
    settings = chosen(render(VALUE_SETS["pods"]), "ConfigMap", "volcast-settings")["data"]
    assert settings["AWS_CA_BUNDLE"] == "/etc/volcast/ca/ca.crt"


def test_schedules_follow_the_release_and_go_with_it():
    made = {}
    for one in render(VALUE_SETS["schedules"]):
        if one["kind"] == "Job":
            (container,) = one["spec"]["template"]["spec"]["containers"]
            command = _parser().parse_args(container["args"]).command
            made[command] = one["metadata"]["annotations"]["helm.sh/hook"].split(",")
    assert made == {
        "apply": ["post-install", "post-upgrade", "post-rollback"], "remove": ["pre-delete"]
    }  # fmt: skip


def test_steps_have_the_settings_of_the_servers():
    for name, path in VALUE_SETS.items():
        maps = [one for one in render(path) if one["metadata"]["name"] == "volcast-settings"]
        namespaces = {one["metadata"]["namespace"] for one in maps}
        assert len(namespaces - {NAMESPACE}) == len(maps) - 1 == 1, name
        assert maps[0]["data"] == maps[1]["data"]


def test_mlflow_accepts_the_host_name_in_the_settings():
    settings = chosen(render(MINIMAL), "ConfigMap", "volcast-settings")["data"]
    address = settings["VOLCAST_MLFLOW_URI"].removeprefix("http://")
    hosts = next(
        one for one in container("minimal", "mlflow")["args"] if one.startswith("--allowed-hosts=")
    )
    assert address in hosts.removeprefix("--allowed-hosts=").split(",")


def test_set_file_keeps_the_compiled_pipelines_byte_for_byte():
    flags = [part for one in PACKAGES for part in ("--set-file", one)]
    text = ran([tool("helm"), *TEMPLATE, str(CHART), "--values", str(VALUE_SETS["schedules"]),
                *flags, "--show-only", "templates/schedules.yaml"])  # fmt: skip
    (packages,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "ConfigMap")
    for path in (CHART.parents[1] / "pipelines/compiled").glob("*.yaml"):
        assert packages["data"][path.name] == path.read_text()


def test_rules_and_dashboards_are_the_charts_files():
    objects = render(MINIMAL)
    rules = yaml.safe_load((CHART / "files/rules/volcast.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["labels"]["namespace"] = NAMESPACE
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
            selector = one["spec"]["selector"]["matchLabels"].items()
            matches = [labels for labels in services if selector <= labels.items()]
            assert len(matches) == 1
            scraped[one["metadata"]["name"]] = matches[0]["app.kubernetes.io/component"]
    assert set(scraped.values()) == {"serving", "exporter", "brief"}
    # KServe's own Service takes over the labels of the predictor, and must not be chosen too.
    predictor = chosen(objects, "InferenceService", "volcast")["spec"]["predictor"]["labels"]
    assert "volcast/service" not in predictor


@pytest.mark.parametrize("name", ["full", "route"])
def test_the_route_leads_to_a_port_of_the_server(name: str):
    objects = render(VALUE_SETS[name])
    (rule,) = chosen(objects, "HTTPRoute", "volcast-predict")["spec"]["rules"]
    service = chosen(objects, "Service", rule["backendRefs"][0]["name"])
    assert service["spec"]["ports"][0]["port"] == rule["backendRefs"][0]["port"]


def test_every_account_setting_and_volume_of_a_pod_exists():
    for name, path in VALUE_SETS.items():
        objects = render(path)
        names = [
            (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects
        ]
        assert len(names) == len(set(names))
        existing = {(kind, each) for kind, _, each in names}
        for part, _, pod in pods(objects):
            assert ("ServiceAccount", pod["serviceAccountName"]) in existing, (name, part)
            for one in pod["containers"]:
                for source in one.get("envFrom", []):
                    assert ("ConfigMap", source["configMapRef"]["name"]) in existing, (name, part)
            mounted = {each["name"] for one in pod["containers"] for each in one["volumeMounts"]}
            assert mounted == {each["name"] for each in pod["volumes"]}, (name, part)
