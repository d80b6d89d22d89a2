"""Whether the market's states come in other proportions than in the champion's training rows."""

from datetime import date

import numpy as np
import pandas as pd

from volcast.features.catalog import STATE_FEATURES
from volcast.monitoring.drift.calibration import LEVEL, STEP
from volcast.monitoring.drift.detectors import Detectors
from volcast.monitoring.drift.evidence import Finding
from volcast.monitoring.drift.panel import MIN_REFERENCE
from volcast.monitoring.drift.windows import chi2_distances

__all__ = ["regime_findings"]

_WINDOWS = (60, 250)


def regime_findings(rows: pd.DataFrame, trained: date, detectors: Detectors) -> list[Finding]:
    """Test the most probable state of each session by chi-square, calibrated like every test.

    Parameters
    ----------
    rows : pandas.DataFrame
        session and the filtered probabilities hmm_*, up to the session tested.
    trained : date
        Newest session that the champion was trained on.

    Returns
    -------
    list of Finding
        Empty where there are too few states to compare with.
    """
    states = list(STATE_FEATURES)
    known = rows.dropna(subset=states)
    if len(known) < max(_WINDOWS):
        return []
    codes = known[states].to_numpy(dtype=np.float64).argmax(axis=1)
    reference = codes[np.asarray(known["session"] <= trained)]
    if len(reference) < MIN_REFERENCE:
        return []
    names = [states[code] for code in codes]
    results = []
    for window in _WINDOWS:
        threshold = float(np.quantile(chi2_distances(reference, window, STEP), LEVEL))
        older = names[: min(len(reference), len(names) - window)]
        statistic = detectors.chi2(older, names[-window:])
        results.append(Finding("regime", "chi2", window, window, len(older), statistic, threshold))
    return results
