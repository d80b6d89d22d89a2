"""A real Redis server for tests: on loopback, in memory alone, and gone afterwards."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from tests.loopback import started
from tests.s3_server import free_ports

__all__ = ["RedisServer", "redis_server"]


class RedisServer:
    """A server on a port of its own that can be stopped and started again, empty."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        self.port = free_ports(1)[0]
        self._password = password
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> SecretStr:
        """Return the setting that leads here; the password must need no encoding."""
        secret = f":{self._password}@" if self._password else ""
        return SecretStr(f"redis://{secret}127.0.0.1:{self.port}/0")

    def client(self) -> redis.Redis:
        """Return a plain client."""
        return redis.Redis("127.0.0.1", self.port, password=self._password)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.skip("no redis-server on this machine")
        flags = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no"}
        if self._password:
            flags["requirepass"] = self._password
        options = [part for name, value in flags.items() for part in (f"--{name}", value)]

        def answers() -> bool:
            with contextlib.closing(self.client()) as client:
                with contextlib.suppress(redis.ConnectionError):
                    return bool(client.ping())
                return False

        self._process = started([binary, *options], self._log, answers, cwd=self._log.parent)

    def stop(self) -> None:
        """End it, and all that it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def redis_server(folder: Path, password: str | None = None) -> Iterator[RedisServer]:
    """Run an empty server; skip the test where there is none to run."""
    server = RedisServer(folder, password)
    try:
        server.start()
        yield server
    finally:
        server.stop()
