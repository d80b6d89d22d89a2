"""Whether the market's states come in other proportions than in the champion's training rows."""

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.features.catalog import STATE_FEATURES
from volcast.monitoring.drift.calibration import LEVEL
from volcast.monitoring.drift.detectors import Detectors
from volcast.monitoring.drift.evidence import Finding
from volcast.monitoring.drift.panel import FEWEST
from volcast.monitoring.drift.windows import chi2_distances

__all__ = ["regime_findings"]

_STATES = tuple(STATE_FEATURES)
_WINDOWS = (60, 250)
_STEP = 5


def regime_findings(rows: pd.DataFrame, trained: date, detectors: Detectors) -> list[Finding]:
    """Test the most probable state of each session by chi-square, calibrated as all tests are.

    Parameters
    ----------
    rows : pandas.DataFrame
        session and the filtered probabilities hmm_*, up to the session judged.
    trained : date
        Newest session that the champion was trained on.

    Returns
    -------
    list of Finding
        Empty where there are too few states to compare with.
    """
    known = rows.dropna(subset=list(_STATES))
    if known.empty:
        return []
    code = np.asarray(known[list(_STATES)], dtype=np.float64).argmax(axis=1)
    of_training = np.asarray(known["session"] <= trained)
    reference = code[of_training]
    if len(reference) < FEWEST or len(code) < max(_WINDOWS):
        return []
    found = []
    for window in _WINDOWS:
        threshold = np.quantile(chi2_distances(reference, window, _STEP), LEVEL)
        older = reference[: min(len(reference), len(code) - window)]
        statistic = detectors.chi2(_named(older), _named(code[-window:]))
        found.append(
            Finding("regime", "chi2", window, window, len(older), statistic, float(threshold))
        )
    return found


def _named(codes: NDArray[np.int64]) -> list[str]:
    return [_STATES[int(code)] for code in codes]
