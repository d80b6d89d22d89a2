"""What the gate decides on two arrays of losses, and nothing else."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LEVEL",
    "MARGIN",
    "NEW_RECIPE_LEVEL",
    "Challenge",
    "challenge",
    "gain",
    "p_lower",
    "worse",
]

Floats = NDArray[np.float64]

MARGIN = 0.05
"""Share of its QLIKE that a new recipe must save of the champion's."""

NEW_RECIPE_LEVEL = 0.025
"""What the p-value of a new recipe must be under: losses depend on each other for longer than the
test can see, and their differences are skewed. At this level no kind of challenger without merit
passed more than 5 % of the time over ten years (docs/adr/0013)."""

LEVEL = 0.05
"""What is called significant elsewhere."""

_COSINES = 24


@dataclass(frozen=True)
class Challenge:
    """Whether a new recipe beat the champion's, by what share of QLIKE, and its p-value."""

    passed: bool
    gain: float
    p: float


def challenge(ours: Floats, champions: Floats) -> Challenge:
    """Decide whether a new recipe's losses are so much lower that it may take over.

    Parameters
    ----------
    ours, champions : f8[n]
        Losses of both on the same rows, in order of time; n > 24.
    """
    saved, p = gain(ours, champions), p_lower(ours, champions)
    return Challenge(saved >= MARGIN and p < NEW_RECIPE_LEVEL, saved, p)


def worse(ours: Floats, theirs: Floats) -> tuple[bool, float]:
    """Return whether our losses are significantly higher than theirs, and the p-value of that."""
    p = p_lower(theirs, ours)
    return p < LEVEL, p


def gain(ours: Floats, theirs: Floats) -> float:
    """Return the share by which our mean loss is under theirs; negative if above."""
    return 1.0 - float(ours.mean() / theirs.mean())


def p_lower(ours: Floats, theirs: Floats) -> float:
    """Return the one-sided Diebold-Mariano p-value of "our mean loss is no lower".

    The long-run variance is the mean square of the ``m`` slowest cosines of the difference d,
    ``L_k = sqrt(2/n) * sum_t d_t cos(pi k (t - 1/2) / n)``, and the statistic then Student's t with
    m degrees of freedom. At 756 rows a Bartlett kernel with 10 lags and a normal table reject a
    true null 7 to 8 % of the time at 5 %, this 5 %.

    Parameters
    ----------
    ours, theirs : f8[n]
        Losses on the same rows, in order of time; n > m = 24.

    References
    ----------
    Lazarus, Lewis, Stock and Watson (2018), "HAR inference: recommendations for practice";
    Coroneo and Iacone (2020), "Comparing predictive accuracy in small samples using
    fixed-smoothing asymptotics".
    """
    from scipy.special import stdtr

    difference = ours - theirs
    n = len(difference)
    at = np.arange(0.5, n) * np.pi / n
    waves = np.cos(np.outer(np.arange(1, _COSINES + 1), at)) @ difference
    variance = 2.0 / n * float(np.mean(waves**2))
    if variance <= 0:
        return 0.5
    return float(stdtr(_COSINES, float(difference.mean()) * sqrt(n / variance)))
