"""Picture the page for the README: ``python -m tests.dashboard.screenshots STORE``.

STORE is the embedded sample as ``make run`` leaves it; another market's data is not for the
repository.
"""

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.dashboard.browser import CHARTS, chromium, dashboard, ready, visiting
from volcast.core.settings import SAMPLE_UNIVERSE
from volcast.store import Store
from volcast.store.universe import recall

_FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"


def main(store: str) -> None:
    """Write the page's upper part, light and dark."""
    if recall(Store.open(store)) != SAMPLE_UNIVERSE:
        raise SystemExit(f"{store} is not the embedded sample; make that: make run STORE=DIR")
    _FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as log,
        dashboard(store, Path(log) / "log") as address,
        chromium() as browser,
    ):
        for scheme in ("light", "dark"):
            with visiting(browser, address, color_scheme=scheme) as visit:
                visit.page.set_viewport_size({"width": 1280, "height": 1290})
                ready(visit.page, CHARTS)
                # The charts take up their new width before they are pictured.
                visit.page.wait_for_timeout(1000)
                taken = Image.open(BytesIO(visit.page.screenshot()))
                # A page of few colours needs no more of them: half the bytes.
                taken.quantize(256).save(_FOLDER / f"dashboard-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
