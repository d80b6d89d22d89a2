"""An image installs what a laptop installs, or a part of it."""

import re

import pytest

from tests.deploy.tools import ROOT
from volcast.steps import IMAGES

PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)
LOCKS = ("data", "model", "serving", "dashboard", "kfp")


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", LOCKS)
def test_an_image_pins_what_the_platform_pins(name):
    locked, platform = pins(name), pins("platform")
    assert locked
    assert locked == {package: platform.get(package) for package in locked}


def test_every_image_of_a_step_has_a_lock():
    assert set(IMAGES.values()) - {"drift"} <= set(LOCKS)
    assert pins("drift")["alibi-detect"] == "0.11.4"


@pytest.mark.parametrize("name", [*LOCKS, "drift", "policy"])
def test_a_lock_hashes_every_pin_and_names_no_index(name):
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[A-Za-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block
    assert "index-url" not in text
    assert "://" not in text
