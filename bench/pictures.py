"""Picture the page and the report for the documentation: ``python -m bench.pictures STORE``.

STORE is the embedded sample as ``make run`` leaves it; another market's data is not for the
repository.
"""

import sys
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from bench.browser import browser, browser_binary, dashboard_of
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.evaluation.evaluate import evaluate
from volcast.evaluation.report import render
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


def main(uri: str) -> None:
    """Write the page's upper part, light, dark and as wide as a telephone, and the report's."""
    store = Store.open(uri)
    if recall(store) != SAMPLE_UNIVERSE:
        raise SystemExit(f"{uri} is not the embedded sample; make that: make run STORE=DIR")
    binary = browser_binary()
    if binary is None:
        raise SystemExit("chromium is not on this machine")
    _FOLDER.mkdir(exist_ok=True)
    with dashboard_of(uri) as address, browser(binary) as chromium:
        for name, options in _PICTURES.items():
            page = chromium.new_context(**options).new_page()
            page.goto(address)
            _save(name, page.screenshot())
        _save("report", _report(store, chromium))


def _report(store: Store, chromium: Any) -> bytes:
    """Picture the report down to its first table."""
    result = evaluate(store, SAMPLE_UNIVERSE, date(1999, 1, 1), date(2018, 12, 31))
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_content(render(result.with_garch(store)))
    page.wait_for_selector("#fan svg")
    bottom = page.locator("section:has(table)").first.bounding_box()["y"]
    picture: bytes = page.screenshot(
        full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": bottom}
    )
    return picture


def _save(name: str, taken: bytes) -> None:
    picture = Image.open(BytesIO(taken)).convert("RGB")
    # A page of few colours needs no more of them: a third of the bytes.
    few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(_FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
