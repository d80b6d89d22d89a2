"""The detectors: alibi-detect's, where it is installed.

alibi-detect 0.11.4, the last under the Apache licence, needs numpy before 2, so that it lives in an
environment of its own.
"""

import importlib
import importlib.util
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["AlibiDetectors", "Detectors", "installed"]

Floats = NDArray[np.float64]


class Detectors(Protocol):
    """Distances between the columns of a reference and of a window; no NaN in either."""

    def distances(self, statistic: str, reference: Floats, window: Floats) -> Floats:
        """Return the statistic ``ks`` or ``cvm`` of each column, f8[p]."""

    def chi2(self, reference: Sequence[str], window: Sequence[str]) -> float:
        """Return the chi-square statistic of two samples of categories."""


def installed() -> bool:
    """Return whether alibi-detect is in this interpreter."""
    return importlib.util.find_spec("alibi_detect") is not None


@lru_cache(maxsize=1)
def _cd() -> Any:
    # On import a library of it says that it found no deep-learning framework; none is used.
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return importlib.import_module("alibi_detect.cd")


class AlibiDetectors:
    """alibi-detect's KSDrift, CVMDrift and ChiSquareDrift."""

    def distances(self, statistic: str, reference: Floats, window: Floats) -> Floats:
        """Return the statistic of each column; its own p-values assume independent rows."""
        kind = {"ks": _cd().KSDrift, "cvm": _cd().CVMDrift}[statistic]
        found = kind(reference).predict(window, drift_type="feature", return_distance=True)
        return np.asarray(found["data"]["distance"], dtype=np.float64)

    def chi2(self, reference: Sequence[str], window: Sequence[str]) -> float:
        """Return the chi-square statistic over the categories of both samples."""
        categories = sorted({*reference, *window})
        told = [np.array([[categories.index(x)] for x in rows]) for rows in (reference, window)]
        found = _cd().ChiSquareDrift(told[0]).predict(told[1], drift_type="feature")
        return float(found["data"]["distance"][0])
