"""Run the check in the interpreter that has the detectors."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import volcast
from volcast.core.errors import VolcastError
from volcast.monitoring.drift.check import check
from volcast.monitoring.drift.detectors import AlibiDetectors, installed
from volcast.monitoring.drift.install import INSTALL, installed_python
from volcast.monitoring.drift.report import DriftReport, Subject, not_run
from volcast.store import Store

__all__ = ["drift_python", "launch"]

_SECONDS = 300
_PACKAGE = Path(volcast.__file__).parent


def drift_python() -> Path | None:
    """Return the interpreter that has the detectors; None if there is none.

    ``VOLCAST_DRIFT_PYTHON``; else this one, if it has them; else ``.venv-drift`` of the checkout;
    else what ``volcast drift --install`` made. The variable is read here since the detectors'
    environment lacks the library of the settings.
    """
    setting = os.environ.get("VOLCAST_DRIFT_PYTHON")
    if setting:
        return Path(setting) if Path(setting).is_file() else None
    if installed():
        return Path(sys.executable)
    python = _PACKAGE.parents[1] / ".venv-drift" / "bin" / "python"
    return python if python.is_file() else installed_python()


def launch(store: Store, symbol: str, as_of: date, python: Path | None) -> DriftReport:
    """Check one session with the interpreter ``python``, in another process unless it is this one.

    The state is ``not-run``, which alarms, without an interpreter or if the check failed.
    """
    subject = Subject(symbol, as_of)
    if python is None:
        return not_run(store, subject, f"no interpreter with alibi-detect; run `{INSTALL}`")
    if python == Path(sys.executable) and installed():
        try:
            return check(store, symbol, as_of, AlibiDetectors())
        except VolcastError as error:
            return not_run(store, subject, f"the check failed: {type(error).__name__}: {error}")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    try:
        # Of the folder that volcast is in, nothing else: the others may be a newer numpy.
        with TemporaryDirectory(prefix="volcast-") as folder:
            (Path(folder) / "volcast").symlink_to(_PACKAGE)
            done = subprocess.run(  # noqa: S603
                [str(python), "-m", "volcast.monitoring.drift", store.uri, symbol, str(as_of)],
                env=environment | {"PYTHONPATH": folder, "PYTHONNOUSERSITE": "1"},
                capture_output=True, text=True, timeout=_SECONDS, check=False,
            )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return not_run(store, subject, f"the check did not run: {type(error).__name__}")
    printed = done.stdout.strip().splitlines()
    if done.returncode or not printed:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        why = f"the check ended with code {done.returncode}: {last[0][:300]}"
        return not_run(store, subject, why)
    return DriftReport(**json.loads(printed[-1]))
