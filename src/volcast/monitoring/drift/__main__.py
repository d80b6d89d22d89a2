"""Run the check where its detectors are: ``python -m volcast.monitoring.drift STORE SYMBOL DAY``.

`volcast.monitoring.drift.launch` calls it; the last line printed is the report as JSON.
"""

import json
import sys
from dataclasses import asdict
from datetime import date

from volcast.core.errors import VolcastError
from volcast.monitoring.drift.check import check
from volcast.monitoring.drift.detectors import AlibiDetectors
from volcast.store import Store

if __name__ == "__main__":
    uri, symbol, day = sys.argv[1:]
    try:
        report = check(Store.open(uri), symbol, date.fromisoformat(day), AlibiDetectors())
    except VolcastError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
