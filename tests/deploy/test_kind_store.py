"""The S3 of the kind overlay, run here: its own arguments, and the Job that makes the bucket."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.charted import chosen, overlay
from tests.deploy.tools import ROOT
from tests.s3_server import free_ports

PARTS = ("master", "volume", "filer", "s3")
PYTHON, WEED = ROOT / ".venv/bin/python", ROOT / ".venv/bin/weed"


def container(kind: str, name: str) -> dict[str, Any]:
    spec = chosen(overlay("kind"), kind, name)["spec"]["template"]["spec"]
    return dict(spec["containers"][0])


@pytest.fixture
def s3_port(tmp_path: Path) -> Iterator[int]:
    """Run the Deployment's command with paths and ports of this machine."""
    grants = {"credentials": [{"accessKey": "a", "secretKey": "b"}], "name": "volcast"}
    grants["actions"] = ["Admin", "Read", "Write", "List"]
    (tmp_path / "identities.json").write_text(json.dumps({"identities": [grants]}))
    text = "\n".join(container("Deployment", "seaweedfs")["args"])
    text = text.replace("/data", str(tmp_path)).replace("/etc/seaweedfs", str(tmp_path))
    names = [f"{part}.port{kind}" for part in PARTS for kind in ("", ".grpc")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    own: dict[str, object] = {"s3.port.iceberg": 0, "s3.port.lance": 0, **ports}
    own["filer.localSocket"] = tmp_path / "filer.sock"
    flags = [f"-{name}={value}" for name, value in own.items()]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([WEED, *text.split("\n"), *flags], stdout=log, stderr=log)
    try:
        yield ports["s3.port"]
    finally:
        server.kill()
        server.wait()


def job_run(port: int, secret: str) -> "subprocess.CompletedProcess[str]":
    """Run the Job's command with a key; boto3 retries until the server is up."""
    job = container("Job", "volcast-bucket")
    environment = {v["name"]: v["value"] for v in job["env"] if "value" in v} | {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_RETRY_MODE": "standard",
        "AWS_MAX_ATTEMPTS": "12",
    }
    return subprocess.run(
        [PYTHON, *job["command"][1:]], env=environment, capture_output=True, text=True,
        check=False, timeout=180,
    )  # fmt: skip


def test_the_job_creates_the_bucket_once_the_server_is_up_and_may_run_twice(s3_port: int):
    for _ in range(2):
        ended = job_run(s3_port, "b")
        assert ended.returncode == 0, ended.stderr


def test_a_wrong_key_creates_no_bucket(s3_port: int):
    assert "SignatureDoesNotMatch" in job_run(s3_port, "wrong").stderr
