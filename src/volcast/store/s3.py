"""Objects in an S3 bucket; endpoint, region and credentials come from the usual AWS_* names."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from typing_extensions import override
from urllib3.exceptions import HTTPError

from volcast.core.errors import ConfigError, StoreUnavailable
from volcast.store.objects import LARGEST, Objects, Stored, checked_key, require_size

__all__ = ["S3Objects"]

_TRIES = 3

_MARKER, _HONOURED = ".conditional-writes", b"honoured\n"
"""The object, hidden from listings, that records that the store honours conditional writes."""

_LOST = frozenset(
    {"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "NoSuchKey", "412"}
)
"""Answers to a conditional put that mean: another writer was first."""

_NO_PAGES = (".json", ".parquet", ".ubj", _MARKER)
"""Ends of keys of what is never a web page."""

_BROKEN = (BotoCoreError, HTTPError, HTTPException, OSError)
"""What the read of a body raises when the connection breaks: botocore passes most on as it is."""


class S3Objects(Objects):
    """Objects under ``s3://bucket/prefix``, each put in one request.

    Requests are tried three times before StoreUnavailable. ConfigError is raised where the endpoint
    does not speak S3, or ignores the condition of a write: the first conditional write checks that,
    unless a marker in the store has the result.

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
        # Wildcards go first: botocore's own handler makes a server's fault of any other answer.
        self._client.meta.events.register_first("before-parse.*.*", self._require_s3)
        self._honours_conditions = _is_amazon(self._client)
        self._checking = threading.Lock()

    @override
    def get_or_none(self, key: str, at_most: int = LARGEST) -> Stored | None:
        return self._get(checked_key(key), at_most)

    @override
    def put(self, key: str, data: bytes) -> None:
        checked_key(key)
        with self._requesting(key):
            self._put(key, data)

    @override
    def put_if(self, key: str, data: bytes, etag: str | None) -> bool:
        checked_key(key)
        with self._checking:
            if not self._honours_conditions:
                self._check_conditional_writes()
                self._honours_conditions = True
        return self._put_if(key, data, etag)

    @override
    def list(self, prefix: str) -> list[str]:
        with self._requesting(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            )
            items = (item for page in pages for item in page.get("Contents", ()))
            keys = [item["Key"].removeprefix(self.prefix) for item in items]
        return sorted(key for key in keys if not _is_hidden(key))

    @override
    def delete(self, key: str) -> None:
        checked_key(key)
        with self._requesting(key):
            self._client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def _get(self, key: str, at_most: int = LARGEST) -> Stored | None:
        tries = 0
        while True:
            tries += 1
            with self._requesting(key):
                try:
                    answer = self._client.get_object(Bucket=self.bucket, Key=self.prefix + key)
                except ClientError as error:
                    if _code(error) == "NoSuchKey":
                        return None
                    raise
                with closing(answer["Body"]) as body:
                    tag = self._tag(key, answer)
                    require_size(answer.get("ContentLength", 0), at_most, self.where + key)
                    try:
                        return Stored(body.read(), tag)
                    except _BROKEN:
                        if tries == _TRIES:
                            raise

    def _put(self, key: str, data: bytes, **condition: str) -> None:
        answer = self._client.put_object(
            Bucket=self.bucket, Key=self.prefix + key, Body=data, **condition
        )
        self._tag(key, answer)

    def _put_if(self, key: str, data: bytes, etag: str | None) -> bool:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._requesting(key):
            try:
                self._put(key, data, **condition)
            except ClientError as error:
                if _code(error) not in _LOST:
                    raise
                # A try whose answer was lost may have stored the bytes; its repeat is refused.
                retried = error.response["ResponseMetadata"].get("RetryAttempts", 0)
                stored = self._get(key) if retried else None
                return stored is not None and stored.data == data
        return True

    def _check_conditional_writes(self) -> None:
        """Try to create and to swap the marker under false conditions; record that both failed."""
        stored = self._get(_MARKER)
        if stored is not None and stored.data == _HONOURED:
            return
        if stored is None:
            self._put_if(_MARKER, b"", None)
        for tag in (None, f'"{"0" * 32}"'):
            if self._put_if(_MARKER, b"ignored\n", tag):
                raise self._unusable(
                    _MARKER,
                    "a write that was accepted although its condition was false",
                    "If-None-Match and If-Match honoured",
                )
        with self._requesting(_MARKER):
            self._put(_MARKER, _HONOURED)

    def _require_s3(
        self, response_dict: Mapping[str, Any], operation_model: Any, **_: object
    ) -> None:
        """Raise ConfigError on a whole answer that is neither empty nor XML, or is no listing."""
        body, length = response_dict["body"], response_dict["headers"].get("content-length", 0)
        if response_dict["status_code"] != 200 or not isinstance(body, bytes):
            return
        if len(body) < int(length):
            return  # it broke off: botocore tries again
        text = body.lstrip().lower()
        listing = operation_model.name != "ListObjectsV2" or b"listbucketresult" in text
        page = text and (not text.startswith(b"<") or b"<html" in text[:1000])
        if page or not (listing or b"<error" in text):
            raise self._unusable("", "an answer that S3 does not give", "an S3 API")

    def _tag(self, key: str, answer: Mapping[str, Any]) -> str:
        """Return the tag in an answer to a get or put; a web page may have one too."""
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        page = headers.get("content-type", "").startswith("text/html") and key.endswith(_NO_PAGES)
        # Google answers a put with text/html and no content.
        if (page and headers.get("content-length") != "0") or "ETag" not in answer:
            raise self._unusable(key, "a web page, or an answer without an ETag", "an S3 API")
        return str(answer["ETag"])

    def _unusable(self, key: str, found: str, expected: str) -> ConfigError:
        return ConfigError(
            found=found,
            expected=expected,
            where=f"store {self.where}{key}",
            remedy="Set AWS_ENDPOINT_URL to the S3 API, not a console, of a store that honours "
            "conditional writes (docs/store.md lists some), or use a local folder.",
            field="store",
        )

    @contextmanager
    def _requesting(self, key: str) -> Iterator[None]:
        try:
            yield
        except ParamValidationError as error:
            found = " ".join(str(error).split())
            raise self._unusable(key, found, "a bucket and a prefix of S3") from error
        except ClientError as error:
            if _code(error) == "NotImplemented":
                raise self._unusable(key, str(error), "conditional writes") from error
            raise self._unavailable(key, error) from error
        except _BROKEN as error:
            raise self._unavailable(key, error) from error

    def _unavailable(self, key: str, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(
            found=str(error),
            expected="an answer from the object store",
            where=f"store {self.where}{key}",
            remedy="Check AWS_ENDPOINT_URL, the credentials and that the bucket exists; retry.",
        )


def _client() -> Any:
    # A session of its own: the shared one is not safe to open from several threads.
    session = boto3.session.Session()
    config = Config(
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=S3Objects.lanes,
    )
    client = session.client("s3", config=config)
    if _is_amazon(client):
        return client
    # Other servers seldom have a host name for each bucket, and many refuse Amazon's checksums.
    others = Config(
        s3={"addressing_style": "path"} | (client.meta.config.s3 or {}),
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return session.client("s3", config=config.merge(others))


def _is_amazon(client: Any) -> bool:
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _is_hidden(key: str) -> bool:
    """Whether a key is of a hidden file, or the marker that a console or Hadoop makes a folder."""
    marker = key.endswith(("/", "_$folder$"))
    return marker or any(part.startswith(".") for part in key.split("/"))


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
