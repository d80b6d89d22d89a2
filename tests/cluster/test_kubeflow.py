"""The schedules of the release that `make kind-up` installs, as Kubeflow has them."""

import socket
import subprocess
from collections.abc import Iterator

import kfp_server_api as api
import pytest

from pipelines.schedules import SCHEDULES
from tests.cluster.cluster import Cluster
from tests.deploy.tools import tool
from tests.s3_server import free_ports


@pytest.fixture
def kubeflow(cluster: Cluster) -> Iterator[api.ApiClient]:
    """Forward a port of this machine to Kubeflow's API."""
    command = [tool("kubectl"), "--context", cluster.context, "--namespace", "kubeflow"]
    for service in ("kubeflow/ml-pipeline", "volcast/volcast-serving"):
        namespace, name = service.split("/")
        if cluster.ran(*command, "--namespace", namespace, "get", "service", name)[0]:
            pytest.skip(f"the cluster has no service {service}, as `make kind-up` makes it")
    (port,) = free_ports(1)
    forward = [*command, "port-forward", "service/ml-pipeline", f"{port}:8888"]
    with subprocess.Popen(forward, env=cluster.environment) as process:
        try:
            cluster.until(lambda: _answers(int(port)), "Kubeflow's API is forwarded", 60)
            yield api.ApiClient(api.Configuration(host=f"http://127.0.0.1:{port}"))
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_kubeflow_has_each_schedule_once_and_enabled(kubeflow: api.ApiClient):
    runs = api.RecurringRunServiceApi(kubeflow)
    listed = runs.recurring_run_service_list_recurring_runs(page_size=100).recurring_runs or []
    names = {one.name for one in SCHEDULES}
    ours = [one for one in listed if one.display_name in names]
    expected = {(one.name, one.cron, "ENABLED") for one in SCHEDULES}
    assert len(ours) == len(expected)
    assert {
        (one.display_name, one.trigger.cron_schedule.cron, one.status) for one in ours
    } == expected
