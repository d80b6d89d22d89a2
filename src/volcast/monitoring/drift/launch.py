"""Run the check in the interpreter that has the detectors, and say so where there is none."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import volcast
from volcast.core.errors import VolcastError
from volcast.monitoring.drift.check import check
from volcast.monitoring.drift.detectors import AlibiDetectors, installed
from volcast.monitoring.drift.record import Subject, not_run
from volcast.monitoring.drift.verdict import Verdict
from volcast.store import Store

__all__ = ["drift_python", "launch"]

_SECONDS = 300
_PACKAGE = Path(volcast.__file__).parent


def drift_python() -> Path | None:
    """Return the interpreter that has the detectors; None where there is none.

    The one that ``VOLCAST_DRIFT_PYTHON`` names; else this one, where it has them; else that of
    ``.venv-drift`` beside the checkout. The variable is read here and not with the other settings,
    because the detectors' environment has not what those are read with.
    """
    given = os.environ.get("VOLCAST_DRIFT_PYTHON")
    if given:
        return Path(given) if Path(given).is_file() else None
    if installed():
        return Path(sys.executable)
    beside = _PACKAGE.parents[1] / ".venv-drift" / "bin" / "python"
    return beside if beside.is_file() else None


def launch(store: Store, symbol: str, as_of: date, python: Path | None) -> Verdict:
    """Check one session, in another process where this one has no detectors.

    Parameters
    ----------
    store : Store
    symbol : str
        The target.
    as_of : date
        Session.
    python : pathlib.Path or None
        From `drift_python`.

    Returns
    -------
    Verdict
        ``not-run``, which alarms, where there is no interpreter or the check failed in it.
    """
    subject = Subject(symbol, as_of)
    if python is None:
        return not_run(store, subject, "no interpreter with alibi-detect; run `make drift`")
    if python == Path(sys.executable) and installed():
        try:
            return check(store, symbol, as_of, AlibiDetectors())
        except VolcastError as error:
            return not_run(store, subject, f"the check failed: {type(error).__name__}: {error}")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    environment |= {"PYTHONPATH": str(_PACKAGE.parent), "PYTHONNOUSERSITE": "1"}
    try:
        done = subprocess.run(  # noqa: S603
            [str(python), "-m", "volcast.monitoring.drift", store.uri, symbol, str(as_of)],
            env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return not_run(store, subject, f"the check did not run: {type(error).__name__}")
    if done.returncode or not done.stdout.strip():
        last = done.stderr.strip().splitlines()[-1:] or ["nothing said"]
        return not_run(
            store,
            Subject(symbol, as_of),
            f"the check ended with code {done.returncode}: {last[0][:300]}",
        )
    return Verdict(**json.loads(done.stdout.strip().splitlines()[-1]))
