"""Docker as the tests of images use it: the images built once, and containers without rights."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.deploy.tools import ROOT

__all__ = [
    "ALL", "TAG", "WITHOUT_RIGHTS", "built", "docker", "inspected", "needs_engine", "open_folder",
    "python_in", "reference",
]  # fmt: skip

ALL = ("data", "model", "drift", "serving", "dashboard")

TAG = "test"

WITHOUT_RIGHTS = (
    "--read-only", "--user", "10001:10001", "--cap-drop", "ALL", "--network", "none",
    "--security-opt", "no-new-privileges", "--tmpfs=/tmp",
)  # fmt: skip
"""What a cluster that enforces the restricted standard allows a container, and no network."""

_BUILD_SECONDS = 2400


def docker(*arguments: str, seconds: int = 300) -> str:
    """Run one docker command, and return what it printed."""
    ended = subprocess.run(
        ["docker", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=seconds,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-4000:] or ended.stdout[-4000:]
    return ended.stdout


def needs_engine() -> None:
    """Skip the test where no Docker engine answers."""
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=60)
        answered = answer.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        answered = False
    if not answered:
        pytest.skip("no Docker engine")


def reference(image: str) -> str:
    """Return the name of an image in tests; no image of the user's is replaced."""
    return f"volcast/{image}:{TAG}"


@cache
def built() -> None:
    """Build every image as a user does; layers of an earlier build are used again."""
    environment = os.environ | {"DOCKER_BUILDKIT": "0", "VOLCAST_IMAGE_TAG": TAG}
    environment.pop("VOLCAST_IMAGE_REPOSITORY", None)
    if "PIP_INDEX_URL" in os.environ:
        environment["INDEX_URL"] = os.environ["PIP_INDEX_URL"]
    ended = subprocess.run(
        ["make", "build"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        timeout=_BUILD_SECONDS,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-4000:]


def python_in(image: str, script: str, *options: str) -> str:
    """Run a script in a container without rights, and return what it printed."""
    command = [*WITHOUT_RIGHTS, *options, reference(image), "python", "-c", script]
    return docker("run", "--rm", *command)


def inspected(image: str) -> dict:
    """Return the engine's description of an image."""
    return json.loads(docker("image", "inspect", reference(image)))[0]


def open_folder(path: Path) -> Path:
    """Make a folder into which the images' user may write."""
    path.mkdir()
    path.chmod(0o777)
    return path
