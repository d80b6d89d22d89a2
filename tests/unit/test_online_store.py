"""The URL of the online store: read whole, and never quoted."""

import traceback

import pytest
from pydantic import SecretStr

from volcast.core.errors import ConfigError
from volcast.core.online_store import DynamoDB, Redis, read_online_store
from volcast.core.settings import read_settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache:6380/2", Redis("cache", 6380, 2, tls=False)),
        ("rediss://cache", Redis("cache", 6379, 0, tls=True)),
        ("redis://[::1]:7/", Redis("::1", 7, 0, tls=False)),
        (
            "rediss://app:p%2Fa%2C%22%40=1@cache:1",
            Redis("cache", 1, 0, tls=True, user="app", password=SecretStr('p/a,"@=1')),
        ),
        ("redis://:007@cache:1", Redis("cache", 1, 0, tls=False, password=SecretStr("007"))),
        ("dynamodb://eu-west-1", DynamoDB("eu-west-1", "", None)),
        ("dynamodb://us-gov-east-1/prod.v2", DynamoDB("us-gov-east-1", "prod.v2", None)),
        (
            "dynamodb://eu-west-1/a?endpoint=http://127.0.0.1:8000",
            DynamoDB("eu-west-1", "a", "http://127.0.0.1:8000"),
        ),
    ],
)
def test_a_url_is_taken_apart(url, expected):
    assert read_online_store(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "redis:hunter2",
        "postgres://u:hunter2@h/0",
        "redis://:hunter2@",
        "redis://:hunter2@h:port",
        "redis://:hun/ter2@h:1",
        "redis://:hunter2#@h:1",
        "redis://:hunter2?@h:1",
        "redis://:hunter2@h:1/first",
        "redis://:hunter2@h:1/0?ssl=true",
        " redis://:hunter2@h:1",
        "redis://:hunter2@[h:1",
        "dynamodb://",
        "dynamodb://AKIA:hunter2@eu-west-1",
        "dynamodb://eu-west-1:80",
        "dynamodb://eu-west-1/a/b",
        "dynamodb://eu-west-1/{project}",
        "dynamodb://eu-west-1?endpoint=ftp://h",
        "dynamodb://eu-west-1?endpoint=http://u:hunter2@h",
        "dynamodb://eu-west-1?region=hunter2",
    ],
)
def test_a_wrong_url_names_the_setting_and_never_shows_the_password(monkeypatch, url):
    monkeypatch.setenv("VOLCAST_ONLINE_STORE", url)
    with pytest.raises(ConfigError, match="online_store") as caught:
        read_settings()
    assert "hun" not in "".join(traceback.format_exception(caught.value))


def test_the_password_is_in_no_text_of_the_settings(monkeypatch):
    monkeypatch.setenv("VOLCAST_ONLINE_STORE", "redis://:hunter2@h:1")
    settings = read_settings()
    assert settings.online_store is not None
    read = read_online_store(settings.online_store.get_secret_value())
    assert "hunter2" not in f"{settings!r} {settings.model_dump_json()} {read!r}"


def test_without_the_setting_there_is_no_url(monkeypatch):
    monkeypatch.delenv("VOLCAST_ONLINE_STORE", raising=False)
    assert read_settings().online_store is None
