"""A Kubernetes cluster by kubectl and helm, as its user has them."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.deploy.tools import ROOT, tool

__all__ = ["Cluster"]

_WAIT_SECONDS = 300


@dataclass(frozen=True)
class Cluster:
    """One context of kubectl's configuration."""

    context: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment of kubectl and helm: without the proxies that tests end at."""
        ours = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        programs = {os.path.dirname(tool(name)) for name in ("helm", "kubectl")}
        return ours | {"PATH": os.pathsep.join([*programs, os.environ["PATH"]])}

    def ran(self, *command: str, text: str = "", seconds: int = 600) -> tuple[int, str]:
        """Run a program; return its exit code and all that it printed."""
        ended = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=text, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
        )  # fmt: skip
        return ended.returncode, ended.stdout

    def kubectl(self, *arguments: str, text: str = "", seconds: int = 600) -> str:
        """Run one kubectl command and return what it printed."""
        command = (tool("kubectl"), "--context", self.context, *arguments)
        code, printed = self.ran(*command, text=text, seconds=seconds)
        assert code == 0, f"kubectl {' '.join(arguments)}\n{printed[-6000:]}"
        return printed

    def apply(self, objects: Iterable[Mapping[str, Any]], *flags: str) -> str:
        """Apply objects on the server's side."""
        text = "\n---\n".join(json.dumps(one) for one in objects)
        return self.kubectl("apply", "--server-side", *flags, "--filename", "-", text=text)

    def get(self, namespace: str, *arguments: str) -> dict[str, Any]:
        """Return what kubectl gets, as JSON."""
        printed = self.kubectl("--namespace", namespace, "get", *arguments, "--output", "json")
        return json.loads(printed)

    def wait(self, namespace: str, *arguments: str, seconds: int = _WAIT_SECONDS) -> None:
        """Wait with ``kubectl wait``."""
        limit = f"--timeout={seconds}s"
        self.kubectl("--namespace", namespace, "wait", limit, *arguments, seconds=seconds + 60)

    def until(self, holds: Callable[[], bool], what: str, seconds: int = _WAIT_SECONDS) -> None:
        """Ask every second until it holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(1)

    def python(self, namespace: str, pod: str, script: str, *arguments: str) -> tuple[int, str]:
        """Run a script in a pod; return its exit code and what it printed."""
        return self.ran(
            tool("kubectl"), "--context", self.context, "--namespace", namespace, "exec",
            "--stdin", pod, "--", "python", "-c", script, *arguments,
        )  # fmt: skip

    def report(self, namespace: str) -> str:
        """Return a namespace's pods, last events and the last lines of logs."""
        names = ("get", "pods,inferenceservices,jobs", "--output", "wide", "--ignore-not-found")
        events = ("get", "events", "--sort-by", ".lastTimestamp")
        command = (tool("kubectl"), "--context", self.context, "--namespace", namespace)
        parts = [self.ran(*command, *names)[1], "\n".join(
            self.ran(*command, *events)[1].splitlines()[-25:])]  # fmt: skip
        pods = self.ran(*command, "get", "pods", "--output", "name")[1].split()
        logs = (self.ran(*command, "logs", pod, "--tail", "15")[1] for pod in pods)
        return "\n".join(
            (*parts, *(f"{pod}:\n{log[-3000:]}" for pod, log in zip(pods, logs, strict=True)))
        )
