"""An image installs what a laptop installs, or a part of it."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

from tests.deploy.tools import ROOT
from volcast.steps import IMAGES

PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==(\S+)", re.MULTILINE)
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")))


def test_every_image_has_a_group_of_locked_packages():
    images = {name.removeprefix("image-") for name in GROUPS if name.startswith("image-")}
    assert images | {"drift"} == {*IMAGES.values(), "serving", "dashboard"}
    for image in images:
        assert installed(image) <= pins("lock").keys()
    assert pins("drift")["alibi-detect"] == "0.11.4"


def test_psutil_is_a_version_with_wheels_for_arm64():
    """What Feast pins, 5.9.8, has none, and the images have no compiler; `make lock` checks all."""
    assert int(pins("lock")["psutil"].split(".")[0]) >= 6


@pytest.mark.parametrize("name", ["lock", "bootstrap", "drift", "policy", "mlserver"])
def test_a_lock_hashes_every_pin_and_names_no_index(name):
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[A-Za-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block
    assert "index-url" not in text
    assert "://" not in text


def installed(image: str) -> set[str]:
    return {re.split(r"[\[<>=]", one)[0] for one in GROUPS[f"image-{image}"]}


@pytest.mark.parametrize(("image", "other"), [("model", "data"), ("data", "model")])
def test_steps_need_no_package_of_the_other_image(image, other):
    """Every module that the steps import, at once or when they run."""
    tree = ast.parse((ROOT / f"src/volcast/steps/{image}.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    imports = [node for one in functions for node in ast.walk(one)]
    modules = {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    absent = {one.removesuffix("-cpu").replace("-", "_")
              for one in installed(other) - installed(image)}  # fmt: skip
    script = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({sorted(absent)}))
for module in ["volcast.steps.{image}", *{sorted(modules)}]:
    importlib.import_module(module)
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
