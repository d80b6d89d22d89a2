"""What the policies of manifests/eks grant, read from the templates."""

import json
import re
from functools import cache
from typing import Any, NamedTuple

import yaml

from tests.deploy.tools import MANIFESTS
from volcast.steps import ROLES

__all__ = [
    "ACCOUNT", "BUCKET", "ISSUER", "KEY", "REGION", "TAKERS", "UI", "WRITERS", "Grant", "grants",
    "listed", "resolved", "resources", "roles",
]  # fmt: skip

TEMPLATES = [MANIFESTS / "eks" / name for name in ("data.yaml", "aws.yaml")]
ACCOUNT, REGION = "123456789012", "eu-central-1"
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/0123ABCD"
BUCKET = f"arn:aws:s3:::volcast-{ACCOUNT}-{REGION}"
KEY = "Key.Arn"

UI = "kubeflow:ml-pipeline-ui"
"""Kubeflow's own, which docs/eks.md annotates."""
WRITERS = {*ROLES.values(), "pipelines"}
TAKERS = {role: ["kubeflow:volcast-pipelines"] for role in WRITERS} | {
    "serving": ["volcast:volcast-serving"],
    "exporter": ["volcast:volcast-exporter"],
    "dashboard": ["volcast:volcast-dashboard", "volcast:volcast-brief"],
    "kubeflow-ui": [UI],
    "external-secrets": ["volcast:volcast-external-secrets"],
}
"""By role, the ServiceAccounts that may take it, as namespace:name."""

_VALUES = {
    "Name": "volcast", "OidcProvider": ISSUER, "AWS::AccountId": ACCOUNT, "AWS::Region": REGION,
    "AWS::Partition": "aws", "KeyArn": KEY, "Bucket": BUCKET.rpartition(":")[2],
    "Bucket.Arn": BUCKET,
}  # fmt: skip


class Grant(NamedTuple):
    """An action allowed on a resource; `via` is the service whose use of the key is allowed."""

    action: str
    resource: str
    via: str = ""


class _Loader(yaml.SafeLoader):
    """Reads each short form ``!Ref x`` as ``{"Ref": x}``."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_scalar(node)}  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _short_form)


@cache
def resources() -> dict[str, dict[str, Any]]:
    """Return the templates' resources by logical id, references resolved."""
    return {
        name: resolved(one)
        for template in TEMPLATES
        for name, one in yaml.load(template.read_text(), _Loader)["Resources"].items()  # noqa: S506
    }


def resolved(value: Any) -> Any:
    """Return a value with references replaced; one to another resource is its logical id."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() in ({"Ref"}, {"GetAtt"}):
        (name,) = value.values()
        return _VALUES.get(name, name)
    if value.keys() == {"Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda match: _VALUES[match[1]], value["Sub"])
    return {key: resolved(item) for key, item in value.items()}


def roles() -> dict[str, str]:
    """Return the logical id of each role, by its name without ``volcast-``."""
    return {
        one["Properties"]["RoleName"].removeprefix("volcast-"): name
        for name, one in resources().items()
        if one["Type"] == "AWS::IAM::Role"
    }


def grants(role: str) -> set[Grant]:
    """Return all that a role may, by its inline and the managed policies."""
    own = resources()[roles()[role]]["Properties"]
    documents = [policy["PolicyDocument"] for policy in own.get("Policies", ())]
    documents += [
        one["Properties"]["PolicyDocument"]
        for one in resources().values()
        if one["Type"] == "AWS::IAM::ManagedPolicy" and roles()[role] in one["Properties"]["Roles"]
    ]
    assert not own.keys() - {"RoleName", "AssumeRolePolicyDocument", "Policies"}
    return {
        Grant(action, resource, _service(statement))
        for document in documents
        for statement in document["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def _service(statement: dict[str, Any]) -> str:
    assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
    assert statement["Effect"] == "Allow"
    condition = statement.get("Condition")
    if condition is None:
        return ""
    suffix = f".{REGION}.amazonaws.com"
    service: str = condition.get("StringEquals", {}).get("kms:ViaService", "").removesuffix(suffix)
    expected = {"StringEquals": {"kms:ViaService": service + suffix}}
    return service if condition == expected else json.dumps(condition)


def listed(value: Any) -> list[Any]:
    """Return a list, of one where the policy has no list."""
    return value if isinstance(value, list) else [value]
