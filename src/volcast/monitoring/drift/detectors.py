"""alibi-detect's detectors, in the environment that has them.

alibi-detect 0.11.4, the last under the Apache licence, needs numpy before 2, hence a separate
environment.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from volcast.core.imports import without

__all__ = ["AlibiDetectors", "Detectors", "installed"]

Floats = NDArray[np.float64]

_UNUSED = ("numba", "transformers")
"""Imported by alibi-detect for its online detectors and for saving; 300 MB that drift.txt omits."""


class Detectors(Protocol):
    """Distances between the columns of a reference and of a window; no NaN in either."""

    def distances(self, statistic: str, reference: Floats, window: Floats) -> Floats:
        """Return the statistic ``ks`` or ``cvm`` of each column, f8[p]."""

    def chi2(self, reference: Sequence[str], window: Sequence[str]) -> float:
        """Return the chi-square statistic of two samples of categories."""


class AlibiDetectors:
    """alibi-detect's detectors; their statistics are float32, their p-values are not used."""

    def distances(self, statistic: str, reference: Floats, window: Floats) -> Floats:
        """Return the statistic of each column."""
        detector = {"ks": _cd().KSDrift, "cvm": _cd().CVMDrift}[statistic](reference)
        result = detector.predict(window, drift_type="feature", return_distance=True)
        return np.asarray(result["data"]["distance"], dtype=np.float64)

    def chi2(self, reference: Sequence[str], window: Sequence[str]) -> float:
        """Return the chi-square statistic over the categories of both samples."""
        categories = sorted({*reference, *window})
        codes = [np.array([[categories.index(x)] for x in rows]) for rows in (reference, window)]
        result = _cd().ChiSquareDrift(codes[0]).predict(codes[1], drift_type="feature")
        return float(result["data"]["distance"][0])


def installed() -> bool:
    """Return whether alibi-detect is in this interpreter."""
    return importlib.util.find_spec("alibi_detect") is not None


@lru_cache(maxsize=1)
def _cd() -> Any:
    unused = [name for name in _UNUSED if importlib.util.find_spec(name) is None]
    with without(placeholders=unused):
        return importlib.import_module("alibi_detect.cd")
