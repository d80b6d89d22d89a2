"""Picture the top of the report: ``python docs/pictures/make.py STORE``.

STORE is the embedded sample as ``make run`` leaves it; another market's data is not for the
repository.
"""

import sys
import tempfile
from datetime import date
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.evaluation.evaluate import evaluate
from volcast.evaluation.report import render
from volcast.store import Store

_FOLDER = Path(__file__).parent
_BOTTOM = "document.querySelector('#section-all-sessions').getBoundingClientRect().top"


def main(uri: str) -> None:
    """Write report.png."""
    store = Store.open(uri)
    result = evaluate(store, SAMPLE_UNIVERSE, date(1999, 1, 1), date(2018, 12, 31))
    html = render(result.with_garch(store))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "report.html"
        report.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        visit = browser.new_page(viewport={"width": 1280, "height": 900})
        visit.goto(report.as_uri())
        visit.wait_for_selector("#fan svg")
        visit.set_viewport_size({"width": 1280, "height": int(visit.evaluate(_BOTTOM))})
        taken = Image.open(BytesIO(visit.screenshot()))
        browser.close()
    # A page of few colours needs no more of them: half the bytes.
    taken.quantize(256).save(_FOLDER / "report.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
