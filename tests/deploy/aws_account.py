"""The stack of manifests/eks/aws.yaml, created on moto, and what its policies say."""

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from moto import mock_aws

from tests.deploy.iam import Statement, allowed, listed
from tests.deploy.tools import MANIFESTS

__all__ = ["ACCOUNT", "ISSUER", "REGION", "TEMPLATE", "Account", "created", "template"]

TEMPLATE = MANIFESTS / "eks/aws.yaml"
ACCOUNT, REGION = "123456789012", "eu-central-1"
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/0123ABCD"

_UNMADE = (
    "AWS::CloudWatch::Alarm",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SecretsManager::Secret",
)
"""What moto's CloudFormation passes over; it is judged as the template says it."""


@dataclass(frozen=True)
class Account:
    """The policies that the stack made.

    Parameters
    ----------
    names : mapping of str to str
        What ``!Ref`` and ``!GetAtt`` of the template stand for.
    roles : mapping of str to list of Statement
        What each role may, by its name without ``volcast-``: inline and managed policies.
    trust : mapping of str to list of Statement
        Who may take each role.
    bucket : list of Statement
        The bucket's own policy.
    outputs : mapping of str to str
    """

    names: Mapping[str, str]
    roles: Mapping[str, list[Statement]]
    trust: Mapping[str, list[Statement]]
    bucket: list[Statement]
    outputs: Mapping[str, str]

    def may(self, role: str, action: str, key: str | None = None, **context: str) -> bool:
        """Return whether a role may do this to the bucket, or to a key of it.

        ``context`` names condition keys; TLS is taken for granted unless told otherwise.
        """
        resource = self.names["Bucket.Arn"] + ("" if key is None else f"/{key}")
        given = {"aws:SecureTransport": "true"} | context
        return allowed([*self.roles[role], *self.bucket], action, resource, given)

    def may_of(self, role: str, action: str, arn: str) -> bool:
        """Return whether a role may do this to something else than the bucket."""
        return allowed(self.roles[role], action, arn, {"aws:SecureTransport": "true"})

    def may_use_key(
        self, role: str, action: str, through: str | None, key: str | None = None
    ) -> bool:
        """Return whether a role may use the key, or another, through a service or directly."""
        via = {} if through is None else {"kms:ViaService": f"{through}.{REGION}.amazonaws.com"}
        return allowed(self.roles[role], action, key or self.names["Key.Arn"], via)

    def takers(
        self,
        role: str,
        accounts: Mapping[str, str],
        action: str = "sts:AssumeRoleWithWebIdentity",
    ) -> set[str]:
        """Return which of these ServiceAccounts (namespace/name to token audience) may take it."""
        return {
            account
            for account, audience in accounts.items()
            if allowed(
                self.trust[role],
                action,
                "*",
                {
                    f"{ISSUER}:aud": audience,
                    f"{ISSUER}:sub": "system:serviceaccount:" + account.replace("/", ":"),
                },
            )
        }


def template(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template with each short form ``!Ref x`` as ``{"Ref": x}``."""
    loaded: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 -- a SafeLoader
    return loaded


class _Loader(yaml.SafeLoader):
    pass


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_scalar(node)}  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _short_form)


def created() -> Account:
    """Create the stack on moto and read back what it holds."""
    with mock_aws(), warnings.catch_warnings():
        for kind in _UNMADE:
            warnings.filterwarnings("ignore", f"Tried to parse {kind} ", UserWarning)
        formation = boto3.client("cloudformation", region_name=REGION)
        formation.create_stack(
            StackName="volcast",
            TemplateBody=TEMPLATE.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": "OidcProvider", "ParameterValue": ISSUER}],
        )
        stack = formation.describe_stacks(StackName="volcast")["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
        held = formation.list_stack_resources(StackName="volcast")["StackResourceSummaries"]
        ids = {
            r["LogicalResourceId"]: r["PhysicalResourceId"]
            for r in held
            if "LogicalResourceId" in r
        }
        iam = boto3.client("iam")
        roles = [r["RoleName"] for r in iam.list_roles()["Roles"]]
        names = _names(ids, outputs)
        return Account(
            names,
            {_short(role): _policies(iam, role, names) for role in roles},
            {_short(role): _trust(iam, role) for role in roles},
            _resolved(template()["Resources"]["BucketPolicy"], names)["Properties"][
                "PolicyDocument"
            ]["Statement"],
            outputs,
        )


def _short(role: str) -> str:
    return role.removeprefix("volcast-")


def _names(ids: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, str]:
    own = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}
    own |= {"Name": "volcast", "OidcProvider": ISSUER, "AlarmEmail": ""}
    arns = {"Bucket.Arn": f"arn:aws:s3:::{ids['Bucket']}", "Key.Arn": outputs["KeyArn"]}
    secrets = {
        name: f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{_secret_name(name)}-Ab12Cd"
        for name in ("ApiTokens", "Sources", "Alerting")
    }
    return own | dict(ids) | arns | secrets


def _secret_name(resource: str) -> str:
    name: str = template()["Resources"][resource]["Properties"]["Name"]["Sub"]
    return name.replace("${Name}", "volcast")


def _resolved(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() <= {"Ref", "GetAtt"} and len(value) == 1:
        return names[next(iter(value.values()))]
    if value.keys() == {"Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda found: names[found[1]], value["Sub"])
    return {key: _resolved(item, names) for key, item in value.items()}


def _policies(iam: Any, role: str, names: Mapping[str, str]) -> list[Statement]:
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId="v1")
        documents.append(version["PolicyVersion"]["Document"])
    if role == "volcast-external-secrets":
        # moto makes no secrets, so that it knows none by name either.
        own = template()["Resources"]["ExternalSecretsRole"]["Properties"]["Policies"]
        documents = [_resolved(policy["PolicyDocument"], names) for policy in own]
    return [statement for document in documents for statement in _statements(document)]


def _statements(document: Any) -> list[Statement]:
    # moto keeps an inline policy as Python prints it.
    read = ast.literal_eval(document) if isinstance(document, str) else document
    return list(listed(read["Statement"]))


def _trust(iam: Any, role: str) -> list[Statement]:
    document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return _statements(document)
