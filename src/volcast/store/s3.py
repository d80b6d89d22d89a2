"""Objects in an S3 bucket; endpoint, region and credentials come from the usual AWS_* names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from volcast.core.errors import ConfigError, StoreUnavailable
from volcast.store.objects import Objects, Stored, checked_key

__all__ = ["S3Objects"]


class S3Objects(Objects):
    """Objects under ``s3://bucket/prefix``, each put in one request.

    Requests are tried three times, with a few seconds of patience in all, before StoreUnavailable.

    Raises
    ------
    ConfigError
        If AWS_ENDPOINT_URL is no address.
    """

    lanes = 16

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.where = f"s3://{bucket}/{self.prefix}"
        try:
            with self._requesting(""):
                self._client = _client()
        except ValueError as error:  # how botocore reports an invalid address
            raise ConfigError(
                found=str(error),
                expected="an address as http://host:port",
                where="AWS_ENDPOINT_URL",
                remedy="Correct it, or unset it for Amazon S3.",
            ) from error

    @override
    def get_or_none(self, key: str) -> Stored | None:
        with self._requesting(key):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=self._name(key))
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    return None
                raise
            with answer["Body"] as body:
                return Stored(body.read(), answer["ETag"])

    @override
    def put(self, key: str, data: bytes) -> None:
        with self._requesting(key):
            self._client.put_object(Bucket=self.bucket, Key=self._name(key), Body=data)

    @override
    def put_if(self, key: str, data: bytes, etag: str | None) -> bool:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._requesting(key):
            try:
                self._client.put_object(
                    Bucket=self.bucket, Key=self._name(key), Body=data, **condition
                )
            except ClientError as error:
                if _code(error) not in _LOST:
                    raise
                # A try whose answer was lost may have stored the bytes; its repeat is refused.
                retried = error.response["ResponseMetadata"].get("RetryAttempts", 0)
                stored = self.get_or_none(key) if retried else None
                return stored is not None and stored.data == data
        return True

    @override
    def list(self, prefix: str) -> list[str]:
        with self._requesting(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            )
            items = (item for page in pages for item in page.get("Contents", ()))
            return sorted(item["Key"].removeprefix(self.prefix) for item in items)

    @override
    def delete(self, key: str) -> None:
        with self._requesting(key):
            self._client.delete_object(Bucket=self.bucket, Key=self._name(key))

    def _name(self, key: str) -> str:
        return self.prefix + checked_key(key)

    @contextmanager
    def _requesting(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(
                found=str(error),
                expected="an answer from the object store",
                where=f"store {self.where}{key}",
                remedy="Check AWS_ENDPOINT_URL, the credentials and that the bucket exists; retry.",
            ) from error


_LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412"})
"""Answers to a conditional put that mean: another writer was first."""


def _client() -> Any:
    # A session of its own: the shared one is not safe to open from several threads.
    session = boto3.session.Session()
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=S3Objects.lanes,
    )
    client = session.client("s3", config=config)
    if client.meta.endpoint_url.endswith("amazonaws.com"):
        return client
    # Other servers seldom have a host name for each bucket.
    return session.client("s3", config=config.merge(Config(s3={"addressing_style": "path"})))


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
