"""A real MLflow server for tests, on loopback, its records in a folder that is thrown away."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.loopback import started
from tests.s3_server import free_ports

__all__ = ["mlflow_server"]


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Run the server and yield its address."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"

    def healthy() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{address}/health").is_success
        return False

    command = [
        sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--host", "127.0.0.1",
        "--port", port,
    ]  # fmt: skip
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    server = started(
        command, folder / "log", healthy, cwd=folder, env=environment, start_new_session=True
    )
    try:
        yield address
    finally:
        # Its workers are processes of its own.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
