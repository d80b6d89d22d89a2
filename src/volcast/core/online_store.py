"""Which online store is meant: the setting ``online_store``, taken apart."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import SecretStr

__all__ = ["DynamoDB", "OnlineStore", "Redis", "read_online_store"]

FORMS = (
    "redis://[[user]:password@]host[:port][/database], the same with rediss:// for TLS, "
    "or dynamodb://region[/table-prefix][?endpoint=http://host:port]"
)


@dataclass(frozen=True)
class Redis:
    """One database of one Redis server; its text shows no password."""

    host: str
    port: int
    database: int
    tls: bool
    user: str | None = None
    password: SecretStr | None = field(default=None, repr=False)


@dataclass(frozen=True)
class DynamoDB:
    """The tables of one AWS account and region whose names begin alike."""

    region: str
    prefix: str
    endpoint: str | None


OnlineStore = Redis | DynamoDB


def read_online_store(url: str) -> OnlineStore:
    """Take the URL of an online store apart, its user and password percent-encoded.

    Raises
    ------
    ValueError
        If it is of no known form. The message never repeats the URL, which may have a password.
    """
    # The standard library's own messages quote the piece they stumble at, hence ``from None``.
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"not a URL with a port of digits; expected {FORMS}") from None
    if parts.fragment or url != url.strip():
        raise ValueError(f"a '#' or a blank must be percent-encoded; expected {FORMS}")
    if parts.scheme in ("redis", "rediss"):
        return _redis(parts, port or 6379)
    if parts.scheme == "dynamodb":
        return _dynamodb(parts, port)
    raise ValueError(f"an unknown scheme; expected {FORMS}")


def _redis(parts: SplitResult, port: int) -> Redis:
    database = re.fullmatch(r"/?|/(\d{1,5})", parts.path)
    if not parts.hostname or parts.query or database is None:
        raise ValueError(f"no host, or more than a database number behind it; expected {FORMS}")
    return Redis(
        host=parts.hostname,
        port=port,
        database=int(database[1] or 0),
        tls=parts.scheme == "rediss",
        user=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password else None,
    )


def _dynamodb(parts: SplitResult, port: int | None) -> DynamoDB:
    if port or "@" in parts.netloc or not re.fullmatch(r"[a-z]{2}[a-z0-9-]+", parts.netloc):
        raise ValueError(f"not just a region (boto3 finds the keys); expected {FORMS}")
    # DynamoDB's own alphabet; the name of the view, and a dot, follow it.
    if not re.fullmatch(r"/?|/[A-Za-z0-9_.-]{1,100}", parts.path):
        raise ValueError(f"a table prefix is of letters, digits and _ . -; expected {FORMS}")
    query = parse_qs(parts.query, keep_blank_values=True)
    endpoint = query.pop("endpoint", [None])[-1]
    if query or (endpoint is not None and not re.fullmatch(r"https?://[^@/?#\s]+/?", endpoint)):
        raise ValueError(f"a query other than endpoint; expected {FORMS}")
    return DynamoDB(parts.netloc, parts.path.strip("/"), endpoint)
