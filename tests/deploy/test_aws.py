"""The AWS account: each role may exactly what its column says, and nothing is reached otherwise."""

import json

import pytest

from tests.deploy.aws_account import (
    ACCOUNT,
    BUCKET,
    ISSUER,
    KEY,
    TAKERS,
    WRITERS,
    Grant,
    grants,
    listed,
    resources,
    roles,
)
from volcast.steps import IMAGES, ROLES
from volcast.store.tables import TABLES

# By role, what it may do with the keys of each place: r(ead), w(rite), d(elete).
ACCESS = """
                                  ingest  curate  features  train  promote  materialize  infer  drift  watch  pipelines  serving  exporter  dashboard  kubeflow-ui
store/raw.market/                 rw      r       .         .      .        .            .      .      .      .          .        .         .          .
store/raw.macro/                  rw      r       r         r      .        .            .      .      .      .          .        .         r          .
store/universe.json               rw      .       .         r      r        .            .      .      .      .          r        r         r          .
store/curated.market_daily/       .       rw      r         r      .        .            .      .      .      .          r        r         r          .
store/curated.market_versions/    .       rw      r         r      .        .            .      .      .      .          .        .         .          .
store/monitoring.quality/         .       rw      .         .      .        .            .      .      .      .          .        r         r          .
store/monitoring.quarantine/      .       rw      .         .      .        .            .      .      .      .          .        r         .          .
store/monitoring/validated/       .       rw      .         .      .        .            .      .      .      .          .        .         .          .
store/features_daily/             .       r       rw        r      .        r            r      r      .      .          r        r         r          .
store/labels_daily/               .       .       rw        r      .        .            .      r      r      .          .        r         r          .
store/fits/regimes/               .       .       rw        rw     .        .            .      .      .      .          .        .         .          .
store/fits/garch/                 .       .       .         rw     .        .            .      .      .      .          .        .         .          .
store/fits/drift/                 .       .       .         .      .        .            .      rw     .      .          .        .         .          .
store/runs/                       .       .       .         rw     r        .            .      r      .      .          .        .         r          .
store/evaluations/                .       .       .         rw     .        .            .      .      .      .          .        .         .          .
store/models/                     .       .       .         r      rw       .            r      r      .      .          r        .         r          .
store/registry/champion*          .       .       .         r      .        .            r      r      r      .          r        r         .          .
store/registry/challenger*        .       .       .         .      .        .            r      .      .      .          .        .         .          .
store/registry/                   .       .       .         .      rw       .            .      .      .      .          .        .         r          .
store/predictions_daily/          .       r       .         .      .        .            rw     r      r      .          r        r         r          .
store/monitoring.realized_error/  .       .       .         .      .        .            .      .      rw     .          .        .         r          .
store/monitoring.performance/     .       .       .         .      .        .            .      .      rw     .          .        r         r          .
store/monitoring.drift_daily/     .       .       .         .      .        .            .      rw     r      .          .        r         r          .
store/monitoring.retrain/         .       .       .         .      .        .            .      .      rw     .          .        r         r          .
store/monitoring.jobs/            .       .       .         .      .        .            .      .      rw     .          .        r         r          .
store/documents/                  .       .       .         .      .        .            .      .      .      .          .        .         r          .
store/monitoring/underway/        rwd     rwd     rwd       rwd    rwd      rwd          rwd    rwd    rwd    rwd        .        .         .          .
kfp/                              rw      rw      rw        rw     rw       rw           rw     rw     rw     rw         .        .         .          r
"""  # noqa: E501

VERBS = {"r": "s3:GetObject", "w": "s3:PutObject", "d": "s3:DeleteObject"}
HEAD, *ROWS = (line.split() for line in ACCESS.strip().splitlines())
SECRETS = ("ApiTokens", "Sources", "Alerting")


def expected(role: str) -> set[Grant]:
    # Whoever may not list the bucket gets 403, and not 404, for a key that is absent.
    granted = {Grant("s3:ListBucket", BUCKET), Grant("kms:Decrypt", KEY, "s3")}
    if role in WRITERS:
        granted.add(Grant("kms:GenerateDataKey", KEY, "s3"))
    for place, *cells in ROWS:
        resource = f"{BUCKET}/{place}" + ("*" if place.endswith("/") else "")
        letters = dict(zip(HEAD, cells, strict=True))[role].strip(".")
        granted |= {Grant(VERBS[letter], resource) for letter in letters}
    return granted


@pytest.mark.parametrize("role", HEAD)
def test_a_role_may_exactly_what_the_table_lists(role: str):
    assert grants(role) == expected(role)


def test_external_secrets_may_read_our_secrets_only():
    verbs = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
    assert grants("external-secrets") == {
        Grant("kms:Decrypt", KEY, "secretsmanager"),
        *(Grant(verb, secret) for verb in verbs for secret in SECRETS),
    }


def test_there_is_a_role_for_every_step_and_every_part_and_no_other():
    assert set(roles()) == {*HEAD, "external-secrets"} == set(TAKERS)
    assert set(ROLES.values()) <= set(HEAD)


def test_the_table_has_a_row_for_every_table_of_the_store():
    assert {f"store/{table}/" for table in TABLES} <= {place for place, *_ in ROWS}


@pytest.mark.parametrize("role", TAKERS)
def test_a_role_is_taken_by_its_service_accounts_of_this_cluster_only(role: str):
    document = json.loads(resources()[roles()[role]]["Properties"]["AssumeRolePolicyDocument"])
    (statement,) = document["Statement"]
    conditions = statement.pop("Condition")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    subjects = listed(conditions["StringEquals"].pop(f"{ISSUER}:sub"))
    assert subjects == [f"system:serviceaccount:{taker}" for taker in TAKERS[role]]
    assert conditions == {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"}}


def test_the_bucket_denies_plain_http_and_encryption_by_anything_but_the_key():
    header = "s3:x-amz-server-side-encryption"
    everything, objects = [BUCKET, f"{BUCKET}/*"], f"{BUCKET}/*"
    statements = resources()["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert {(one["Effect"], one["Principal"]) for one in statements} == {("Deny", "*")}
    assert [(one["Action"], one["Resource"], one["Condition"]) for one in statements] == [
        ("s3:*", everything, {"Bool": {"aws:SecureTransport": "false"}}),
        *(
            ("s3:PutObject", objects, {"Null": {name: "false"}, "StringNotEquals": {name: value}})
            for name, value in ((header, "aws:kms"), (f"{header}-aws-kms-key-id", KEY))
        ),
        ("s3:PutObject", objects, {"Null": {f"{header}-customer-algorithm": "false"}}),
    ]


def test_the_keys_policy_names_the_account_and_cloudwatch_only():
    statements = resources()["Key"]["Properties"]["KeyPolicy"]["Statement"]
    assert [statement["Principal"] for statement in statements] == [
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        {"Service": "cloudwatch.amazonaws.com"},
    ]
    assert statements[1]["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert not any("*" in action for one in statements for action in one["Action"])


def test_the_store_is_encrypted_by_the_key_and_outlives_the_stack():
    bucket, key = resources()["Bucket"], resources()["Key"]
    assert bucket["DeletionPolicy"] == key["DeletionPolicy"] == "Retain"
    (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEY
    for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]:
        assert "ExpirationInDays" not in rule or rule["Prefix"] == "kfp/"


def test_every_image_has_a_repository():
    repositories = {
        one["Properties"]["RepositoryName"]
        for one in resources().values()
        if one["Type"] == "AWS::ECR::Repository"
    }
    images = {*IMAGES.values(), "serving", "dashboard"}
    assert repositories == {f"volcast/{name}" for name in images}


def test_alarms_watch_a_filter_of_the_bucket_and_reach_the_topic():
    filters = {one["Id"] for one in resources()["Bucket"]["Properties"]["MetricsConfigurations"]}
    alarms = [one for one in resources().values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 2
    for alarm in (one["Properties"] for one in alarms):
        assert alarm["AlarmActions"] == ["Alarms"]
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert dimensions["BucketName"] == BUCKET.rpartition(":")[2]
        assert dimensions["FilterId"] in filters
