"""Fixtures that every kind of test shares."""

import contextlib
import ipaddress
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3_server import BUCKET, s3_server
from volcast.storage import Store

ROOT = Path(__file__).resolve().parents[1]


class NetworkRefused(RuntimeError):
    """A test reached for an address beyond loopback."""


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse connections and name look-ups beyond this machine, in subprocesses by a dead proxy."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def checked_connect(self, address):
        _refuse_remote(self.family, address)
        return connect(self, address)

    def checked_connect_ex(self, address):
        _refuse_remote(self.family, address)
        return connect_ex(self, address)

    def checked_getaddrinfo(host, *args, **kwargs):
        _refuse_remote(socket.AF_INET, (host,))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked_connect)
        patch.setattr(socket.socket, "connect_ex", checked_connect_ex)
        patch.setattr(socket, "getaddrinfo", checked_getaddrinfo)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.setenv(name, "http://127.0.0.1:9")
            patch.delenv(name.lower(), raising=False)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "localhost,127.0.0.1,::1")
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real histories: market/SYMBOL.csv, macro/SERIES.csv."""
    folder = Path(os.environ.get("VOLCAST_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "market").is_dir():
        pytest.skip(f"shared data is absent: no {folder}/market; set VOLCAST_TEST_DATA")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store in a folder of its own."""
    return Store.open(str(tmp_path / "store"))


@pytest.fixture(scope="session")
def s3_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run an S3 server for the session and yield the ``AWS_*`` names that lead to it."""
    with s3_server(tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture
def s3_uri(s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an empty ``s3://bucket/prefix`` on a live server, with the environment set for it."""
    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture(params=["local", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return an empty store of each kind in turn."""
    local = str(tmp_path / "store")
    return Store.open(local if request.param == "local" else request.getfixturevalue("s3_uri"))


def _refuse_remote(family: int, address: object) -> None:
    host = address[0] if isinstance(address, tuple) else None
    if family not in (socket.AF_INET, socket.AF_INET6) or not host:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in ("localhost", socket.gethostname()):
        return
    with contextlib.suppress(ValueError):
        place = ipaddress.ip_address(host)
        if place.is_loopback or place.is_unspecified:
            return
    raise NetworkRefused(f"{host} is beyond loopback; tests take what they need from disk")
