"""What the checks find is allowed by a reason or refused, as is a reason that nothing needs."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from manifests.policies.definitions import published
from manifests.policies.findings import ALLOWED, Allowance, Finding, allowances, judged

FOUND = Finding("checkov", "CKV_K8S_43", "chart/minimal Deployment/volcast-exporter", "no digest")
ALLOWANCE = Allowance("checkov", "CKV_K8S_43", "chart/* Deployment/*", "a tag names the version")


def test_a_finding_that_nothing_allows_is_refused():
    assert judged([FOUND], [], ["checkov"]) == ([FOUND], [])
    for other in (
        Allowance("kube-score", FOUND.check, "*", ALLOWANCE.why),
        Allowance(FOUND.tool, "CKV_K8S_4", "*", ALLOWANCE.why),
        Allowance(FOUND.tool, FOUND.check, "chart/* Job/*", ALLOWANCE.why),
    ):
        assert judged([FOUND], [other], []) == ([FOUND], [])


def test_a_finding_with_a_reason_is_allowed():
    assert judged([FOUND], [ALLOWANCE], ["checkov"]) == ([], [])


def test_a_reason_that_nothing_needs_is_said_where_its_tool_ran():
    assert judged([], [ALLOWANCE], ["checkov"]) == ([], [ALLOWANCE])
    assert judged([], [ALLOWANCE], ["hadolint"]) == ([], [])


def test_a_reason_is_a_sentence():
    entry = {"tool": "checkov", "check": "CKV_K8S_43", "where": "*", "why": "fine"}
    with pytest.raises(ValueError, match="CKV_K8S_43 is allowed because 'fine'"):
        allowances(yaml.safe_dump([entry]))


def test_what_is_allowed_can_be_read():
    allowances(ALLOWED.read_text(encoding="utf-8"))


def definition(schema: dict) -> dict:
    return {
        "spec": {
            "group": "example.org",
            "names": {"kind": "Thing"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}],
        }
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
def test_an_object_is_held_against_its_definition_strictly(tmp_path: Path, spec, allowed):
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
    schema = {
        "type": "object",
        "properties": {
            "apiVersion": string, "kind": string, "metadata": {"type": "object"},
            "spec": {"type": "object", "properties": properties},
        },
    }  # fmt: skip
    (tmp_path / "things.yaml").write_text(yaml.safe_dump(definition(schema)), encoding="utf-8")
    found = published(tmp_path)
    assert list(found) == [("example.org/v1", "Thing")]
    one = {
        "apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec,
    }  # fmt: skip
    validator = jsonschema.Draft202012Validator(found["example.org/v1", "Thing"])
    assert validator.is_valid(one) is allowed
