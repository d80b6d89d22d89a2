"""Fixtures that every kind of test shares."""

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.loopback import refuse_beyond_loopback
from tests.s3_server import BUCKET, s3_server
from volcast.store import Store

ROOT = Path(__file__).resolve().parents[1]

# A shell's background job ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Call what is long, or no text, by its parameter: each worker must find the same ids."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 80) else None


_GROUPS = {
    "deploy/test_compose.py": "images",
    "deploy/test_images.py": "images",
    "deploy/": "deploy",
    "cluster/": "cluster",
    "resilience/": "slow",
    "e2e/": "slow",
    "monitoring/test_alert_path.py": "slow",
    "serving/test_documentation.py": "slow",
    "serving/test_hardening.py": "slow",
    "serving/test_secrets.py": "slow",
    "serving/test_start_and_end.py": "slow",
    "brief/test_measured.py": "stats",
    "unit/test_gate_decision.py": "stats",
}
"""The groups of whole files and folders; other tests carry their mark themselves."""


@pytest.hookimpl(wrapper=True)  # before the choice by marks, and after pytest-randomly
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Mark the tests of files and folders that are a group, and put the longest file first."""
    for item in items:
        path = item.path.relative_to(ROOT / "tests").as_posix()
        for prefix, group in _GROUPS.items():
            if path.startswith(prefix):
                item.add_marker(group)
                break
    yield
    # Three minutes in one worker: begun last, the other would wait for them.
    items.sort(key=lambda item: item.path.name != "test_local_run.py")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse connections and name look-ups beyond this machine."""
    with pytest.MonkeyPatch.context() as patch:
        refuse_beyond_loopback(patch)
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
