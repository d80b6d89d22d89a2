"""An image installs what a laptop installs, or a part of it."""

import re
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
        names = {re.split(r"[\[<>=]", one)[0] for one in GROUPS[f"image-{image}"]}
        assert names <= pins("lock").keys()
    assert pins("drift")["alibi-detect"] == "0.11.4"


@pytest.mark.parametrize("name", ["lock", "bootstrap", "drift", "policy", "mlserver"])
def test_a_lock_hashes_every_pin_and_names_no_index(name):
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[A-Za-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block
    assert "index-url" not in text
    assert "://" not in text
