"""The AWS account: each role may what its row says, and whatever is broadened is noticed."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from tests.deploy.aws_account import ACCOUNT, ISSUER, REGION, TEMPLATE, Account, created, template
from tests.deploy.iam import Statement, listed
from volcast.steps import IMAGES, ROLES
from volcast.store.tables import TABLES

pytestmark = pytest.mark.xdist_group("aws_account")

# By role, what it may do with the keys of each place: r(ead), w(rite), d(elete).
ACCESS = """
                                  ingest  curate  features  train  promote  materialize  infer  drift  watch  pipelines  serving  exporter  dashboard
store/raw.market/                 rw      r       .         .      .        .            .      .      .      .          .        .         .
store/raw.macro/                  rw      r       r         r      .        .            .      .      .      .          .        .         r
store/universe.json               rw      .       .         .      .        .            .      .      .      .          .        r         r
store/curated.market_daily/       .       rw      r         r      .        .            .      .      .      .          r        r         r
store/curated.market_versions/    .       rw      r         r      .        .            .      .      .      .          .        .         .
store/monitoring.quality/         .       rw      .         .      .        .            .      .      .      .          .        r         r
store/monitoring.quarantine/      .       rw      .         .      .        .            .      .      .      .          .        r         .
store/monitoring/validated/       .       rw      .         .      .        .            .      .      .      .          .        .         .
store/features_daily/             .       r       rw        r      .        r            r      r      .      .          r        r         r
store/labels_daily/               .       .       rw        r      .        .            .      r      r      .          .        r         r
store/fits/regimes/               .       .       rw        rw     .        .            .      .      .      .          .        .         .
store/fits/garch/                 .       .       .         rw     .        .            .      .      .      .          .        .         .
store/fits/drift/                 .       .       .         .      .        .            .      rw     .      .          .        .         .
store/runs/                       .       .       .         rw     r        .            .      r      .      .          .        .         r
store/evaluations/                .       .       .         rw     .        .            .      .      .      .          .        .         .
store/models/                     .       .       .         r      rw       .            r      r      .      .          r        .         r
store/registry/champion.json      .       .       .         r      rw       .            r      r      r      .          r        r         r
store/registry/challenger.json    .       .       .         .      rw       .            r      .      .      .          .        .         r
store/registry/versions/          .       .       .         .      rw       .            .      .      .      .          .        .         r
store/registry/audit/             .       .       .         .      rw       .            .      .      .      .          .        .         r
store/predictions_daily/          .       r       .         .      .        .            rw     r      r      .          r        r         r
store/monitoring.realized_error/  .       .       .         .      .        .            .      .      rw     .          .        .         r
store/monitoring.performance/     .       .       .         .      .        .            .      .      rw     .          .        r         r
store/monitoring.drift_daily/     .       .       .         .      .        .            .      rw     r      .          .        r         r
store/monitoring.retrain/         .       .       .         .      .        .            .      .      rw     .          .        r         r
store/monitoring.jobs/            .       .       .         .      .        .            .      .      rw     .          .        r         r
store/documents/                  .       .       .         .      .        .            .      .      .      .          .        .         r
store/monitoring/elsewhere/       .       .       .         .      .        .            .      .      .      .          .        .         .
store/monitoring/underway/        rwd     rwd     rwd       rwd    rwd      rwd          rwd    rwd    rwd    rwd        .        .         .
kfp/                              rw      rw      rw        rw     rw       rw           rw     rw     rw     rw         .        .         .
store/                            .       .       .         .      .        .            .      .      .      .          .        .         .
elsewhere/                        .       .       .         .      .        .            .      .      .      .          .        .         .
"""  # noqa: E501

VERBS = {"r": "s3:GetObject", "w": "s3:PutObject", "d": "s3:DeleteObject"}

# Who holds a token of the cluster, and for which audience it was made.
HOLDERS = {
    f"{namespace}/{account}": "sts.amazonaws.com"
    for namespace in ("volcast", "kubeflow", "default")
    for account in (
        "default", "volcast-pipelines", "volcast-serving", "volcast-exporter",
        "volcast-dashboard", "volcast-brief", "volcast-mlflow", "volcast-external-secrets",
    )
}  # fmt: skip

TAKERS = {role: {"kubeflow/volcast-pipelines"} for role in (*ROLES.values(), "pipelines")} | {
    "serving": {"volcast/volcast-serving"},
    "exporter": {"volcast/volcast-exporter"},
    "dashboard": {"volcast/volcast-dashboard", "volcast/volcast-brief"},
    "external-secrets": {"volcast/volcast-external-secrets"},
}

WRITERS = {*ROLES.values(), "pipelines"}

SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"
OTHER_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/another"

# Nobody's: what would change the bucket itself, its access, or its past.
FORBIDDEN = (
    "s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutBucketAcl", "s3:PutEncryptionConfiguration",
    "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration", "s3:ListBucketVersions",
)  # fmt: skip
FOREIGN = (
    ("s3:ListBucket", "arn:aws:s3:::another-bucket"),
    ("s3:GetObject", "arn:aws:s3:::another-bucket/store/raw.market/a"),
    ("s3:PutObject", "arn:aws:s3:::another-bucket/kfp/a"),
    ("s3:DeleteObject", "arn:aws:s3:::another-bucket/store/monitoring/underway/a"),
    ("secretsmanager:GetSecretValue", f"{SECRETS}:volcast/api-tokens-Ab12Cd"),
)
FORBIDDEN_OF_KEYS = ("s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:PutObjectAcl")


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield role, place, and the letters of what is allowed."""
    head, *lines = (line.split() for line in ACCESS.strip().splitlines())
    for place, *cells in lines:
        assert len(cells) == len(head), place
        yield from ((role, place, cell.strip(".")) for role, cell in zip(head, cells, strict=True))


def discrepancies(account: Account, changed: str = "") -> list[str]:
    """Return where the account differs from the tables above; of one role that was changed."""
    found = []
    for role, place, letters in rows():
        if changed not in ("", role):
            continue
        # Two keys below a folder, so that a policy that names one of its files is not taken for it.
        keys = [f"{place}a", f"{place}symbol=SPY/b"] if place.endswith("/") else [place]
        found += [
            f"{role} {verb} {key}"
            for letter, verb in VERBS.items()
            for key in keys
            if account.may(role, verb, key) != (letter in letters)
        ]
        key = keys[0]
        found += [
            f"{role} {verb} {key}" for verb in FORBIDDEN_OF_KEYS if account.may(role, verb, key)
        ]
        plain = {"aws:SecureTransport": "false"}
        found += [
            f"{role} without TLS" for v in VERBS.values() if account.may(role, v, key, **plain)
        ]
    users = account.roles.keys() - {"external-secrets"}
    for role in users & {changed or role for role in users}:
        if not account.may(role, "s3:ListBucket"):
            found.append(f"{role} cannot tell an absent key from a refused one")
        found += [f"{role} {verb}" for verb in FORBIDDEN if account.may(role, verb)]
        found += [
            f"{role} {verb} of {arn}" for verb, arn in FOREIGN if account.may_of(role, verb, arn)
        ]
    return [
        *found,
        *differing_keys(account),
        *differing_secrets(account),
        *differing_trust(account),
        *differing_puts(account),
    ]


def differing_keys(account: Account) -> list[str]:
    wanted = {(role, "kms:Decrypt", "s3") for role in account.roles if role != "external-secrets"}
    wanted |= {(role, "kms:GenerateDataKey", "s3") for role in WRITERS}
    wanted |= {("external-secrets", "kms:Decrypt", "secretsmanager")}
    asked = {
        (role, action, service)
        for role in account.roles
        for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:PutKeyPolicy")
        for service in ("s3", "secretsmanager", "ebs", None)
    }
    return [
        f"{role} {action} through {service}"
        for role, action, service in asked
        if account.may_use_key(role, action, service) != ((role, action, service) in wanted)
    ] + [
        f"{role} {action} by another key"
        for role, action, service in wanted
        if account.may_use_key(role, action, service, OTHER_KEY)
    ]


def differing_secrets(account: Account) -> list[str]:
    def may(verb: str, name: str) -> bool:
        return account.may_of(
            "external-secrets", f"secretsmanager:{verb}", f"{SECRETS}:{name}-Ab12Cd"
        )

    ours = ("volcast/api-tokens", "volcast/sources", "volcast/alerting")
    reading = ("GetSecretValue", "DescribeSecret")
    missing = [f"{verb} {name}" for name in ours for verb in reading if not may(verb, name)]
    writing = ("PutSecretValue", "DeleteSecret", "PutResourcePolicy")
    return missing + [
        f"{verb} {name}"
        for name in (*ours, "volcast/other", "another/secret")
        for verb in (writing if name in ours else (*reading, *writing))
        if may(verb, name)
    ]


def differing_trust(account: Account) -> list[str]:
    found = [
        f"{role} is taken by {account.takers(role, HOLDERS)}"
        for role in account.roles
        if account.takers(role, HOLDERS) != TAKERS[role]
    ]
    others = dict.fromkeys(HOLDERS, "https://kubernetes.default.svc")
    found += [f"{role} by any token" for role in account.roles if account.takers(role, others)]
    tagged = "sts:TagSession"
    return found + [
        f"{role} {tagged}" for role in account.roles if account.takers(role, HOLDERS, tagged)
    ]


def differing_puts(account: Account) -> list[str]:
    name, key = "s3:x-amz-server-side-encryption", account.names["Key.Arn"]
    puts: list[tuple[dict[str, str], bool]] = [
        ({}, True),
        ({name: "aws:kms"}, True),
        ({name: "aws:kms", f"{name}-aws-kms-key-id": key}, True),
        ({name: "AES256"}, False),
        ({name: "aws:kms", f"{name}-aws-kms-key-id": f"{key}0"}, False),
        ({f"{name}-customer-algorithm": "AES256"}, False),
    ]
    return [
        f"a put with {context}"
        for context, stands in puts
        if account.may("infer", "s3:PutObject", "store/predictions_daily/a", **context) != stands
    ]


@pytest.fixture(scope="module")
def account() -> Account:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "tester")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "of-no-worth")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        return created()


def test_the_template_passes_cfn_lint():
    regions = ManualArgs(regions=["eu-central-1", "us-east-1"])
    assert [str(match) for match in lint(TEMPLATE.read_text(), config=regions)] == []


def test_every_role_may_exactly_what_the_table_says(account: Account):
    assert discrepancies(account) == []


def test_there_is_a_role_for_every_step_and_every_part_and_no_other(account: Account):
    parts = {"serving", "exporter", "dashboard", "pipelines", "external-secrets"}
    assert set(account.roles) == {*ROLES.values(), *parts}


def test_the_table_has_a_row_for_every_table_of_the_store():
    places = {place for _, place, _ in rows()}
    assert {f"store/{table}/" for table in TABLES} <= places


def widened(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statement made broader, one thing at a time."""
    service = listed(statement["Action"])[0].partition(":")[0]
    yield statement | {"Action": f"{service}:*"}
    if "Resource" in statement:
        yield statement | {"Resource": "*"}
        for arn in listed(statement["Resource"]):
            if arn.endswith("/*"):
                up = re.sub(r"[^/]+/\*$", "*", arn)
                yield statement | {"Resource": [*listed(statement["Resource"]), up]}
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            fewer = copy.deepcopy(statement)
            del fewer["Condition"][operator][key]
            yield fewer


def narrowed(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statement without one of its resources or actions."""
    for field in ("Resource", "Action"):
        items = listed(statement.get(field, []))
        if len(items) > 1:
            yield from (statement | {field: [x for x in items if x != one]} for one in items)


def changes(
    account: Account, how: Callable[[dict[str, Any]], Iterator[dict[str, Any]]]
) -> Iterator[tuple[str, str, Account]]:
    """Yield a role and the account with one statement of it, or of its trust, changed."""
    for field in ("roles", "trust"):
        held: dict[str, list[Statement]] = getattr(account, field)
        for role, statements in held.items():
            for i, statement in enumerate(statements):
                for other in how(dict(statement)):
                    swapped = held | {role: [*statements[:i], other, *statements[i + 1 :]]}
                    yield role, f"{field} of {role}: {other}", replace(account, **{field: swapped})


def test_any_statement_that_is_broadened_differs_from_the_table(account: Account):
    unseen = [
        what for role, what, other in changes(account, widened) if not discrepancies(other, role)
    ]
    assert unseen == []


def test_any_statement_that_lacks_a_resource_or_an_action_differs_from_the_table(account: Account):
    unseen = [
        what for role, what, other in changes(account, narrowed) if not discrepancies(other, role)
    ]
    assert unseen == []


def test_each_denial_of_the_bucket_is_missed_when_it_is_gone(account: Account):
    for i, statement in enumerate(account.bucket):
        without = replace(account, bucket=account.bucket[:i] + account.bucket[i + 1 :])
        assert discrepancies(without), statement["Sid"]


def allowing(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every statement below a node that allows."""
    if isinstance(node, dict):
        if node.get("Effect") == "Allow":
            yield node
        for item in node.values():
            yield from allowing(item)
    elif isinstance(node, list):
        for item in node:
            yield from allowing(item)


def test_nothing_is_allowed_by_a_wildcard():
    # "prefix/*" is how IAM spells the keys below a prefix of one bucket: no wildcard in this sense.
    below_a_prefix = re.compile(r"[^*?]+/[^*?/]+/\*")
    resources = template()["Resources"]
    for name, resource in resources.items():
        for statement in allowing(resource):
            assert not any(re.search(r"[*?]", action) for action in listed(statement["Action"]))
            if name == "Key":  # a key's policy cannot name the key otherwise
                assert statement["Resource"] == "*"
                continue
            for arn in listed(statement["Resource"]):
                text = arn.get("Sub", "") if isinstance(arn, dict) else arn
                assert not re.search(r"[*?]", text) or below_a_prefix.fullmatch(text), (name, arn)


def test_only_the_account_and_cloudwatch_stand_in_the_keys_policy():
    statements = template()["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]
    assert [statement["Principal"] for statement in statements] == [
        {"AWS": {"Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
        {"Service": "cloudwatch.amazonaws.com"},
    ]
    assert "Condition" in statements[1]


def test_the_bucket_is_closed_versioned_and_encrypted_by_the_key():
    made = template()["Resources"]["Bucket"]["Properties"]
    assert set(made["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(made["PublicAccessBlockConfiguration"]) == 4
    assert made["VersioningConfiguration"] == {"Status": "Enabled"}
    rule = made["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"GetAtt": "Key.Arn"}
    }  # fmt: skip


def test_nothing_of_the_store_expires_but_what_was_overwritten_or_deleted():
    made = template()["Resources"]["Bucket"]["Properties"]
    for rule in made["LifecycleConfiguration"]["Rules"]:
        if "ExpirationInDays" in rule:
            assert rule["Prefix"] == "kfp/"


@pytest.mark.parametrize("resource", ["Bucket", "Key"])
def test_deleting_the_stack_leaves_the_data_and_its_key(resource: str):
    assert template()["Resources"][resource]["DeletionPolicy"] == "Retain"


def test_every_image_has_a_repository_whose_tags_stand():
    made = [r for r in template()["Resources"].values() if r["Type"] == "AWS::ECR::Repository"]
    names = {r["Properties"]["RepositoryName"]["Sub"] for r in made}
    assert names == {f"${{Name}}/{image}" for image in {*IMAGES.values(), "serving", "dashboard"}}
    assert {r["Properties"]["ImageTagMutability"] for r in made} == {"IMMUTABLE"}


def test_alarms_reach_the_topic():
    resources = template()["Resources"]
    alarms = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 2
    filters = {item["Id"] for item in resources["Bucket"]["Properties"]["MetricsConfigurations"]}
    for alarm in alarms:
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
        named = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        assert named["BucketName"] == {"Ref": "Bucket"}
        assert named["FilterId"] in filters


def test_the_trust_names_the_clusters_own_issuer(account: Account):
    for role, statements in account.trust.items():
        for statement in statements:
            assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{ISSUER}"), role
