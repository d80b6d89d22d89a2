"""Error rates of the test of realized error: models whose change is known.

``python -m tests.performance_trials EVALUATION REFERENCE`` prints, from the rows of a file that
``volcast evaluate`` or a training run wrote, the share of months (21 daily checks) that are called
worse or better though nothing changed, and the share of planted faults that are detected while the
first 20 forecasts of the worse model are scored. The tables of docs/adr/0021 are of the sample
against log_har, and of SPY, QQQ and IWM against har_x.

Rows without a change are drawn in blocks of the history, half a year long on average, so that calm
and stressed spells stay whole; they last 16 years. A fault begins at every eleventh session.

===========  ====================================================================================
frozen       the forecast of ten sessions ago, again and again
too high     the forecast times 1.5
too low      the forecast over 1.5
shock        no fault: the market moves twice as much as anything that session foretold, for twenty
             sessions; the plain QLIKE is printed for comparison
===========  ====================================================================================
"""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.evaluation.losses import qlike_losses
from volcast.monitoring.score import BEFORE, RECENT, Shift, coverage_p, relative_losses, shift

Floats = NDArray[np.float64]

MONTH, BLOCK, YEARS = 21, 126, 16
FAULTS = ("frozen", "too high", "too low", "shock")


def blocks(rows: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``count`` positions of a history of ``rows``, in blocks of random length."""
    drawn: list[NDArray[np.int64]] = []
    while sum(map(len, drawn)) < count:
        drawn.append((rng.integers(rows) + np.arange(rng.geometric(1 / BLOCK))) % rows)
    return np.concatenate(drawn)[:count]


def checks(losses: Floats, before: int = BEFORE) -> Iterator[Shift]:
    """Yield the daily check of every session that has enough scored forecasts before it."""
    for end in range(before + RECENT, len(losses) + 1):
        window = losses[end - before - RECENT : end]
        yield shift(window[:before], window[before:])


def false_months(losses: Floats, before: int = BEFORE) -> tuple[float, float]:
    """Return the shares of months in which a check calls the error worse, and better."""
    states = [check.state for check in checks(losses, before)]
    months = [states[i : i + MONTH] for i in range(0, len(states) - MONTH + 1, MONTH)]
    shares = [np.mean([state in month for month in months]) for state in ("worse", "better")]
    return float(shares[0]), float(shares[1])


def false_coverage(rows: pd.DataFrame, level: int) -> float:
    """Return the share of years, one after the other, whose coverage is rejected at 5 %.

    The level tested is the share of the rows themselves, so that nothing is false.
    """
    inside = rows["rv_5d"].between(rows[f"lo{level}"], rows[f"hi{level}"]).to_numpy()
    years = [inside[i : i + 252] for i in range(0, len(inside) - 251, 252)]
    return float(np.mean([coverage_p(year, float(inside.mean())) < 0.05 for year in years]))


def planted(fault: str, rows: pd.DataFrame, at: int) -> pd.DataFrame:
    """Return the windows around ``at`` with the fault in the last `RECENT` rows."""
    near = rows.iloc[at - BEFORE - RECENT : at + RECENT].copy()
    forecast, rv = near["forecast"].to_numpy(copy=True), near["rv_5d"].to_numpy(copy=True)
    new = slice(len(near) - RECENT, None)
    if fault == "frozen":
        forecast[new] = forecast[np.arange(len(near))[new] - 10]
    elif fault == "shock":
        rv[new] *= 2
    else:
        forecast[new] *= 1.5 if fault == "too high" else 1 / 1.5
    return near.assign(forecast=forecast, rv_5d=rv)


def detected(fault: str, rows: pd.DataFrame, losses: Callable[[pd.DataFrame], Floats]) -> float:
    """Return the share of places where the fault is called worse within `RECENT` forecasts."""
    places = range(BEFORE + RECENT, len(rows) - RECENT, 11)
    hits = []
    for at in places:
        states = [one.state for one in checks(losses(planted(fault, rows, at)))]
        # The first check has not seen the fault.
        hits.append("worse" in states[1:])
    return float(np.mean(hits))


def plain(rows: pd.DataFrame) -> Floats:
    """Return the QLIKE of the forecast."""
    return qlike_losses(rows["rv_5d"].to_numpy() ** 2, rows["forecast"].to_numpy() ** 2)


def against(reference: str) -> Callable[[pd.DataFrame], Floats]:
    """Return what gives the relative losses of rows."""

    def losses(rows: pd.DataFrame) -> Floats:
        variance = rows["rv_5d"].to_numpy() ** 2
        theirs = qlike_losses(variance, rows[reference].to_numpy() ** 2)
        return relative_losses(plain(rows), theirs)

    return losses


def main(evaluation: str, reference: str) -> None:
    """Print the shares."""
    rows = pd.read_parquet(evaluation).dropna(subset=["rv_5d", "forecast", reference])
    rng = np.random.default_rng(7)
    histories = [rows.iloc[blocks(len(rows), YEARS * 252, rng)] for _ in range(10)]
    banded = rows.dropna(subset=["lo80"])
    banded = banded.iloc[blocks(len(banded), 252 * 600, rng)]
    for level in (80, 95):
        print(f"coverage of {level}: {false_coverage(banded, level):.3f} of years rejected")
    for name, losses in (("relative", against(reference)), ("plain QLIKE", plain)):
        for before in (BEFORE, 60):
            shares = np.mean([false_months(losses(h), before) for h in histories], axis=0)
            print(
                f"{name}, {before} before: worse {shares[0]:.3f} better {shares[1]:.3f} of months"
            )
        print(f"  as it was: worse {false_months(losses(rows))[0]:.3f} of months")
        for fault in FAULTS:
            print(f"  {fault}: {detected(fault, rows, losses):.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
