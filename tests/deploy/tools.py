"""The programs that `make tools` builds, and what the tests of chart and manifests ask of them."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

__all__ = ["CHART", "MANIFESTS", "ROOT", "TEMPLATE", "ran", "tool"]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/volcast"
TEMPLATE = ("template", "volcast", "--kube-version", "1.35.0", "--namespace", "volcast")
"""Of helm, which knows its own Kubernetes only as built by its makers."""
MANIFESTS = ROOT / "manifests"


def tool(name: str) -> str:
    """Return the path of a program; skip the test if there is none."""
    built = ROOT / ".tools/bin" / name
    path = str(built) if built.exists() else shutil.which(name)
    if path is None:
        pytest.skip(f"no {name} on this machine: `make tools` builds it, with Go")
    return path


def ran(
    command: Sequence[str], environment: Mapping[str, str] | None = None, seconds: int = 300
) -> str:
    """Run a command from the repository's root and return what it printed."""
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        timeout=seconds,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-4000:] or ended.stdout[-4000:]
    return ended.stdout
