"""Objects of platforms are validated strictly, by definitions of the installed versions."""

import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from manifests.policies.schemas import definitions, main
from tests.deploy.tools import ROOT


def definition(schema: dict) -> dict:
    return {
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "example.org",
            "names": {"kind": "Thing"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"port": 80}, True),
        ({"port": "http"}, True),
        ({"port": 1.5}, False),
        ({"prot": 80}, False),
        ({"free": {"any": "thing"}}, True),
        ({"labels": {"any": "word"}}, True),
        ({"labels": {"any": 1}}, False),
        ({"items": [{"default": 1}]}, True),
        ({"items": [{"defaults": 1}]}, False),
        ({"maybe": None}, True),
        ({"never": None}, False),
    ],
)
def test_an_object_is_validated_strictly(tmp_path: Path, spec, allowed):
    string = {"type": "string"}
    properties = {
        "port": {
            "x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}],
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                 "properties": {"one": string}},
        "labels": {"type": "object", "additionalProperties": string},
        "items": {"type": "array",
                  "items": {"type": "object", "properties": {"default": {"type": "integer"}}}},
        "maybe": string | {"nullable": True},
        "never": string,
    }  # fmt: skip
    top = {"apiVersion": string, "kind": string, "metadata": {"type": "object"}}
    schema = {
        "type": "object",
        "properties": {**top, "spec": {"type": "object", "properties": properties}},
    }
    text = yaml.safe_dump_all([{"kind": "Service", "spec": {}}, definition(schema)])
    (tmp_path / "things.yaml").write_text(text, encoding="utf-8")
    schemas = definitions(tmp_path)
    assert list(schemas) == [("example.org/v1", "Thing")]
    one = {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {}, "spec": spec}
    validator = jsonschema.Draft202012Validator(schemas["example.org/v1", "Thing"])
    assert validator.is_valid(one) is allowed


def test_a_plain_equals_sign_of_a_definition_is_text(tmp_path: Path):
    schema = {"type": "object", "properties": {"match": {"enum": ["EQUALS"]}}}
    text = yaml.safe_dump(definition(schema)).replace("EQUALS", "=")
    (tmp_path / "things.yaml").write_text(text, encoding="utf-8")
    properties = definitions(tmp_path)["example.org/v1", "Thing"]["properties"]
    assert properties["match"] == {"enum": ["="]}


def test_a_folder_without_definitions_is_an_error(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("VOLCAST_CRDS", str(tmp_path))
    assert main([]) == 2
    text = yaml.safe_dump(definition({"type": "object", "properties": {}}))
    (tmp_path / "things.yaml").write_text(text, encoding="utf-8")
    assert main([]) == 0
    monkeypatch.delenv("VOLCAST_CRDS")
    assert main([]) == 0


KINDS = (
    "InferenceService", "ServingRuntime", "PrometheusRule", "AlertmanagerConfig", "ServiceMonitor",
    "ExternalSecret", "Gateway", "HTTPRoute",
)  # fmt: skip


@pytest.mark.parametrize("lost", [None, "ServingRuntime", "HTTPRoute"])
def test_fetched_definitions_are_of_the_installed_versions(tmp_path: Path, lost):
    for name, target in (("curl", '"${@: -2:1}"'), ("helm", "/dev/stdout")):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/bash\necho "{name} $*" >>"$CALLS"\nfor kind in $KINDS; do\n'
            f'  printf "spec:\\n  names:\\n    kind: %s\\n" "$kind"\ndone >{target}\n'
        )
        program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(tmp_path / "calls"),
        "KINDS": " ".join(kind for kind in KINDS if kind != lost),
    }  # fmt: skip
    ended = subprocess.run(
        [ROOT / ".github/definitions.sh", tmp_path / "into"], env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode == 0) is (lost is None), ended.stderr
    calls = (tmp_path / "calls").read_text()
    versions = dict(
        line.split("=", 1)
        for line in (ROOT / "manifests/kind/versions.env").read_text().splitlines()
        if not line.startswith("#")
    )
    for name in ("GATEWAY_API", "PROMETHEUS_OPERATOR"):
        assert f"/releases/download/{versions[name]}/" in calls
    assert f"kserve-crd --version {versions['KSERVE']} " in calls
    installed = re.search(r"charts/external-secrets \\\n +--version (\S+)",
                          (ROOT / "docs/eks.md").read_text())  # fmt: skip
    assert f"charts/external-secrets --version {installed[1]} " in calls
