"""docs/quality.md names every check, and what it does."""

import re

from tests.conftest import ROOT
from volcast.data.checks.market import MARKET
from volcast.data.checks.rows import RAW_ROWS
from volcast.features.audit import FEATURE_CHECKS
from volcast.inference.audit import PREDICTION_CHECKS

TABLES = {
    "raw": "raw.market",
    "curated": "curated.market_daily",
    "features": "features_daily",
    "predictions": "predictions_daily",
}


def test_the_page_lists_the_checks_that_are_run_and_what_each_does() -> None:
    page = (ROOT / "docs" / "quality.md").read_text()
    documented = {}
    for suite, title in TABLES.items():
        part = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (stop|quarantine|warn)", part, re.MULTILINE)
        assert len(rows) == part.count("| `")
        documented |= {(suite, name): does for name, does in rows}
    does = {(check.suite, check.name): "quarantine" for check in RAW_ROWS}
    for check in (*MARKET, *FEATURE_CHECKS, *PREDICTION_CHECKS):
        does[check.suite, check.name] = "stop" if check.severity == "critical" else "warn"
    assert documented == does
