"""Server processes on loopback, each with the champion and one thread for XGBoost."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.serving.rivals import mlserver
from bench.serving.stores import Subject

__all__ = [
    "FASTAPI", "KSERVE", "MLSERVER", "MLSERVER_WORKER", "OURS", "Running", "all_servers",
    "seconds_to_start",
]  # fmt: skip

OURS = "volcast"
KSERVE = "kserve"
FASTAPI = "fastapi"
MLSERVER = "mlserver"
MLSERVER_WORKER = "mlserver-1-worker"

_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Running:
    """A server that answers on ``port``."""

    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """User and system time of the process and its children so far."""
        seconds = [time for one in self._processes() for time in one.cpu_times()[:2]]
        return float(sum(seconds))

    def rss_megabytes(self) -> float:
        """Resident memory of the process and its children."""
        return float(sum(one.memory_info().rss for one in self._processes()) / 2**20)

    @contextmanager
    def on_one_core(self) -> Iterator[None]:
        """Keep every thread on one core for a while."""
        before = os.sched_getaffinity(self.process.pid)
        self._allow({max(before)})
        try:
            yield
        finally:
            self._allow(before)

    def _allow(self, cores: set[int]) -> None:
        for thread in self.process.threads():
            with suppress(ProcessLookupError):  # a thread that has ended since
                os.sched_setaffinity(thread.id, cores)

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def all_servers(subject: Subject, place: Path) -> Iterator[dict[str, Running]]:
    """Run every server at once, as long as the block lasts."""
    with ExitStack() as stack:
        servers = {
            OURS: stack.enter_context(_ours(subject)),
            KSERVE: stack.enter_context(_kserve(subject)),
            FASTAPI: stack.enter_context(_fastapi(subject)),
        }
        for name, workers in ((MLSERVER, 0), (MLSERVER_WORKER, None)):
            servers[name] = stack.enter_context(_mlserver(subject, place / name, workers))
        yield servers


def seconds_to_start(subject: Subject) -> float:
    """Return the time from a process of ours to its first forecast, with compiled code kept."""
    with _ours(subject):
        pass  # compiles what is not kept yet
    started = time.monotonic()
    with _ours(subject):
        return time.monotonic() - started


@contextmanager
def _ours(subject: Subject) -> Iterator[Running]:
    (port,) = _free_ports(1)
    command = [sys.executable, "-m", "serving", "--http-port", str(port)]
    command += ["--store", str(subject.folder), "--follow-seconds", "0.2"]
    with _running(command, port, f"/predict?symbol={subject.symbol}", _ROOT) as server:
        yield server


@contextmanager
def _kserve(subject: Subject) -> Iterator[Running]:
    port, grpc = _free_ports(2)
    command = [sys.executable, "-m", "bench.serving.rivals.kserve_default"]
    command += ["--http_port", str(port), "--grpc_port", str(grpc)]
    command += ["--model_file", str(subject.model_file)]
    with _running(command, port, "/v1/models/volcast", _ROOT) as server:
        yield server


@contextmanager
def _fastapi(subject: Subject) -> Iterator[Running]:
    (port,) = _free_ports(1)
    command = [sys.executable, "-m", "bench.serving.rivals.fastapi_minimal", str(port)]
    with _running([*command, str(subject.model_file)], port, "/openapi.json", _ROOT) as server:
        yield server


@contextmanager
def _mlserver(subject: Subject, folder: Path, workers: int | None) -> Iterator[Running]:
    one, two, three = _free_ports(3)
    programs = mlserver.environment()
    mlserver.model_folder(folder, subject.model_file, (one, two, three), workers)
    command = [str(programs / "mlserver"), "start", str(folder)]
    with _running(command, one, "/v2/models/volcast/ready", folder) as server:
        yield server


@contextmanager
def _running(command: Sequence[str], port: int, ready: str, folder: Path) -> Iterator[Running]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
    process = subprocess.Popen(
        command, cwd=folder, env=clean | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _answers(port, ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no answer on {ready} from: {' '.join(command)}")
            time.sleep(0.02)
        yield Running(port, psutil.Process(process.pid))
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=15)
    # The session is the server's alone: whatever it left behind goes too.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_ports(number: int) -> list[int]:
    """Return free ports; all stay bound until the last one is, so that they differ."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
