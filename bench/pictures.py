"""Picture the page for the documentation: ``python -m bench.pictures STORE``.

STORE is the embedded sample as ``make run`` leaves it; another market's data is not for the
repository.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from bench.browser import browser, browser_binary, dashboard_of
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.store import Store
from volcast.store.universe import recall

_FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
_PICTURES: dict[str, dict[str, Any]] = {
    "page-light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 1080}},
    "page-dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 1080}},
    "page-narrow": {
        "color_scheme": "light", "viewport": {"width": 390, "height": 1350},
        "device_scale_factor": 1.5,
    },
}  # fmt: skip


def main(store: str) -> None:
    """Write the page's upper part: light, dark, and as wide as a telephone."""
    if recall(Store.open(store)) != SAMPLE_UNIVERSE:
        raise SystemExit(f"{store} is not the embedded sample; make that: make run STORE=DIR")
    binary = browser_binary()
    if binary is None:
        raise SystemExit("chromium is not on this machine")
    _FOLDER.mkdir(exist_ok=True)
    with dashboard_of(store) as address, browser(binary) as chromium:
        for name, options in _PICTURES.items():
            page = chromium.new_context(**options).new_page()
            page.goto(address)
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
            # A page of few colours needs no more of them: a third of the bytes.
            few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            few.save(_FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
