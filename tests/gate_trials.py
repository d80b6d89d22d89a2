"""Error rates of the gate: its decision on challengers whose true gain is known.

``python -m tests.gate_trials EVALUATION BASELINE`` prints the share promoted by window and true
gain, from the losses of a file that ``volcast evaluate`` or a training run wrote; the tables in
docs/adr/0013 are of the sample against log_har and of SPY against har_x and log_har.

Losses are resampled in circular blocks of 66 sessions. Their autocorrelation ends at 5, the overlap
of the outcomes, and the optimal block of Politis and White (2004) is 23 to 29; a quarter keeps the
slower dependence too. In every kind the challenger's true mean loss is (1 - gain) that of the
champion:

=============  ==================================================================================
better model   the champion is the baseline, scaled to the forecast's mean loss, the challenger the
               forecast; both drawn on the same sessions, as two models meet the same outcomes
worse model    the same with the parts exchanged
noise          the challenger has the champion's losses, and the centred differences of the two
               from sessions drawn independently
unrelated      the challenger's losses are drawn on other sessions than the champion's: two models
               that share not even the outcome. No real pair is like that; it is the hardest case
=============  ==================================================================================
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from arch.bootstrap import CircularBlockBootstrap
from numpy.typing import NDArray

from volcast.evaluation.losses import qlike_losses
from volcast.evaluation.statistics import diebold_mariano
from volcast.training.gate import challenge

Floats = NDArray[np.float64]

KINDS = ("better model", "worse model", "noise", "unrelated")
BLOCK = 66


def losses(evaluation: pd.DataFrame, baseline: str) -> tuple[Floats, Floats]:
    """Return the losses of the forecast, and of the baseline scaled to the same mean."""
    rows = evaluation.dropna(subset=["rv_5d", "forecast", baseline])
    variance = rows["rv_5d"].to_numpy() ** 2
    forecast, other = (
        qlike_losses(variance, rows[name].to_numpy() ** 2) for name in ("forecast", baseline)
    )
    return forecast, other * forecast.mean() / other.mean()


def resampled(
    kind: str, pair: tuple[Floats, Floats], window: int, count: int, seed: int, block: int = BLOCK
) -> Iterator[tuple[Floats, Floats]]:
    """Yield losses of challenger and champion over ``window`` sessions, ``count`` times."""
    # Repeated, the circle is the same: the window may be longer than the history.
    forecast, other = (np.tile(part, -(-window // len(part))) for part in pair)
    draws = (
        (first[0][0][:window], second[0][0][:window])
        for first, second in zip(
            CircularBlockBootstrap(block, np.arange(len(forecast)), seed=seed).bootstrap(count),
            CircularBlockBootstrap(block, np.arange(len(forecast)), seed=seed + 1).bootstrap(count),
            strict=True,
        )
    )
    for one, two in draws:
        if kind == "better model":
            yield forecast[one], other[one]
        elif kind == "worse model":
            yield other[one], forecast[one]
        elif kind == "noise":
            yield forecast[one] + (forecast - other)[two], forecast[one]
        else:
            yield forecast[one], forecast[two]


def promoted(
    kind: str, pair: tuple[Floats, Floats], window: int, *, gain: float = 0.0, count: int = 500,
    seed: int = 7, block: int = BLOCK,
) -> float:  # fmt: skip
    """Return the share of challengers, better by ``gain`` in truth, that the gate would promote."""
    mean = pair[0].mean()
    passed = [
        # With noise, losses may be negative: the gain is taken off the mean there.
        challenge(ours - gain * mean if kind == "noise" else ours * (1 - gain), champions).passed
        for ours, champions in resampled(kind, pair, window, count, seed, block)
    ]
    return float(np.mean(passed))


def rejected(kind: str, pair: tuple[Floats, Floats], window: int, count: int) -> float:
    """Return how often the test alone calls a challenger without merit better at p < .05."""
    pairs = resampled(kind, pair, window, count, seed=7)
    return float(np.mean([diebold_mariano(*losses_of) < 0.05 for losses_of in pairs]))


def main(file: str, baseline: str) -> None:
    """Print the shares by kind, window and gain."""
    pair = losses(pd.read_parquet(Path(file)), baseline)
    print(f"{len(pair[0])} sessions; shares promoted at a true gain of 0, 5, 10, 15, 20 %")
    for kind in KINDS:
        for window in (756, 1260, 2016, 2520, 4032):
            shares = [
                promoted(kind, pair, window, gain=g, count=2000) for g in (0, 0.05, 0.1, 0.15, 0.2)
            ]
            print(f"{kind:13} {window:6}", *(f"{share:6.1%}" for share in shares), flush=True)
    for window in (10_000, 20_000, 30_000, 40_000):
        share = promoted("unrelated", pair, window, gain=0.1)
        print(f"unrelated, 10 % better: {window:6} {share:6.1%}", flush=True)
    for block in (25, 252):
        shares = [promoted(kind, pair, 2520, count=2000, block=block) for kind in KINDS]
        print(f"null at 2520, blocks of {block}:", *(f"{share:6.1%}" for share in shares))
    for kind in KINDS:
        for window in (756, 2520):
            share = rejected(kind, pair, window, count=4000)
            print(f"p < .05 alone: {kind:13} {window:6} {share:6.1%}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
