"""What all services share: the port, the address that is announced, and how they end."""

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.monitoring.monitored import ROOT
from tests.serving.live import SYMBOL, Served, running

SERVICES = ("serving", "serving.exporter", "serving.brief", "serving.dashboard")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}


@pytest.mark.parametrize("service", SERVICES)
def test_a_port_that_is_taken_exits_with_2(served: Served, service: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", service, "--port", port, "--store", str(served.folder)],
            cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(f"127.0.0.1:{port}: ")
    assert f"port {port} in use" in ended.stderr
    assert "--port" in ended.stderr


def test_a_port_that_is_taken_is_reported_before_anything_is_loaded(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["--port", port, "--store", str(tmp_path)]
        script = (
            "import sys; from serving.service import run_service, service_parser\n"
            "sys.exit(run_service(service_parser('x', '', 0), lambda *_: 7, sys.argv[1:]))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=ROOT, check=False, timeout=180
        )
    assert ended.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_still_starts_ends_cleanly(tmp_path: Path, number: signal.Signals):
    script = (
        "import os, sys, time; from serving.service import run_service, service_parser\n"
        f"serve = lambda *_: (os.kill(os.getpid(), {number}), time.sleep(600))\n"
        "sys.exit(run_service(service_parser('x', '', 0), serve, sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "--store", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert ended.returncode == 0
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()] == ["stopped"]


def test_at_a_terminal_a_service_prints_its_address_and_ends_on_ctrl_c(tmp_path: Path):
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "serving.exporter", "--port", "0", "--store", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=end)
    os.close(end)
    printed = ""
    with contextlib.suppress(OSError), open(terminal, encoding="utf-8") as lines:
        for line in lines:
            printed += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/metrics", line):
                assert httpx.get(found[0], timeout=60).status_code == 200
                process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert printed.count("http://") == 1


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write into a folder; root, which permissions do not stop, by a mount."""
    if os.geteuid() == 0:
        for options in (["--bind", str(folder)], ["-o", "remount,bind,ro"]):
            if subprocess.run(["mount", *options, str(folder)], check=False).returncode:
                pytest.skip("this machine lets nobody mount")
        undo = ["umount", str(folder)]
    else:
        subprocess.run(["chmod", "-R", "a-w", str(folder)], check=True)
        undo = ["chmod", "-R", "u+w", str(folder)]
    try:
        yield
    finally:
        subprocess.run(undo, check=True)


def test_a_store_that_is_read_only_is_served(served: Served, tmp_path: Path):
    copy = served.copy(tmp_path / "store")
    with read_only(copy.folder), running(copy, tmp_path / "log") as server:
        with pytest.raises(OSError):  # noqa: PT011
            (copy.folder / "file").touch()
        answer = server.answer()
    assert (answer["symbol"], answer["stale"]) == (SYMBOL, False)
