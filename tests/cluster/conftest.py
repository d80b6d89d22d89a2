"""volcast on the cluster of a kubectl context, installed and trained once for all tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.release import NAMESPACES, Release
from tests.deploy.tools import ROOT


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Return the cluster that VOLCAST_TEST_CLUSTER names, by its context."""
    context = os.environ.get("VOLCAST_TEST_CLUSTER", "")
    if not context:
        reason = os.environ.get("VOLCAST_TEST_NO_CLUSTER")
        pytest.skip(f"no cluster: {reason or 'VOLCAST_TEST_CLUSTER names no context of kubectl'}")
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl to ask a cluster with")
    cluster = Cluster(context)
    command = ("kubectl", "--context", context, "get", "--raw", "/readyz")
    code, printed = cluster.ran(*command, seconds=60)
    if code:
        pytest.skip(f"no cluster answers in the context {context}: {printed.strip()[-200:]}")
    return cluster


@pytest.fixture(scope="session")
def release(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """Install volcast next to an S3, without a model, in namespaces that are removed."""
    release = Release(cluster, tmp_path_factory.mktemp("release"))
    keep = bool(os.environ.get("VOLCAST_TEST_KEEP"))
    if not keep:
        release.remove()
    try:
        release.prepare()
        code, printed = release.deploy("--untrained")
        assert code == 0, printed[-6000:]
        yield release
    finally:
        if not keep:
            release.remove()


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store that the same pipelines fill on this machine."""
    folder = tmp_path_factory.mktemp("here")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLCAST_S")}
    ended = subprocess.run(
        [sys.executable, "-m", "pipelines.local", "both", "--source", "sample",
         "--store", str(folder / "store"), "--pipeline-root", str(folder / "artifacts")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return folder / "store"


@pytest.fixture(scope="session")
def trained(release: Release) -> Release:
    """Train and forecast on the cluster: every step a Job, in the order of the pipelines."""
    code, printed = release.run_pipelines("both")
    assert code == 0, printed[-6000:]
    return release


@pytest.fixture(scope="session")
def serving(trained: Release) -> Release:
    """Deploy as an upgrade does, and return once a forecast was served."""
    code, printed = trained.deploy()
    assert code == 0, printed[-6000:]
    trained.start_client()
    return trained


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Add pods, events and logs to the report of what fails."""
    report = yield
    context = os.environ.get("VOLCAST_TEST_CLUSTER")
    if report.failed and context and item.path.is_relative_to(ROOT / "tests/cluster"):
        for namespace in NAMESPACES.values():
            report.sections.append((f"namespace {namespace}", Cluster(context).report(namespace)))
    return report
