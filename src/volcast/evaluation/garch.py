"""GARCH baselines: fitted each month on the returns before it, filtered on through the month.

The fits are the slowest part of an evaluation, so they run in parallel processes and the store
caches them: no month is fitted twice.
"""

import hashlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.core import calendar
from volcast.core.hashing import digest, library_versions
from volcast.core.names import GARCH_BASELINES, LABELS
from volcast.evaluation.walkforward import Progress
from volcast.features.market import SESSIONS_A_YEAR
from volcast.store import Store
from volcast.store.cache import Parameters, get_or_fit

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits

__all__ = ["MIN_RETURNS", "garch_forecasts"]

Floats = NDArray[np.float64]

MIN_RETURNS = 756
"""Fewest returns before a first fit: three years."""

_ASYMMETRY: Mapping[str, int] = dict(zip(GARCH_BASELINES, (0, 1), strict=True))
_FEW = 150
"""Fits so few are done in the time that further processes take to start."""
_DIGITS = 10
_VERSION = 1
_LIBRARIES = ("arch", "numpy", "scipy")


class _Month(NamedTuple):
    """Returns ``[first, last)`` are the month's; what is fitted on those before is ``key``."""

    first: int
    last: int
    key: str


def garch_forecasts(
    rows: pd.DataFrame, store: Store, *, processes: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Forecast the volatility of the next five sessions by GARCH(1,1) and GJR-GARCH(1,1).

    ``r_t = mu + e_t``, ``h_t = omega + (alpha + gamma 1[e_t-1 < 0]) e_t-1^2 + beta h_t-1``, normal
    errors, on 100 r; the forecast is ``sqrt(252 / 100^2 * mean_1..5 E[h])``. Refitted at the first
    session of each month on all returns before it; ``store`` keeps the fits.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``session``, ``symbol`` and ``ret_1`` of one symbol, each as known at its close, sorted.
    processes : int or None
        How many fit side by side; None for one a core. The results are the same.

    Returns
    -------
    pandas.DataFrame
        Columns garch and gjr_garch on the index of ``rows``; annualised, decimals. Null before
        the first fit; a session without a return has the forecast of the one before.

    References
    ----------
    Bollerslev (1986); Glosten, Jagannathan and Runkle (1993); fitted by the package arch.
    """
    has_return = rows["ret_1"].notna().to_numpy()
    returns = 100 * rows["ret_1"].to_numpy(dtype=float)[has_return]
    months = _months(rows.loc[has_return, "session"].tolist(), returns)
    jobs = {f"{name} {m.key}": (name, returns[: m.first]) for name in _ASYMMETRY for m in months}
    symbol = str(rows["symbol"].iloc[0])
    fits = get_or_fit(
        store, f"garch/{symbol}", list(jobs),
        lambda missing: _fit_all([jobs[key] for key in missing], processes, progress),
    )  # fmt: skip
    result = pd.DataFrame(np.nan, index=rows.index, columns=list(_ASYMMETRY))
    for name in _ASYMMETRY:
        of_model = [fits[f"{name} {m.key}"] for m in months]
        result.loc[has_return, name] = _walk(name, returns, months, of_model, progress)
    return result.ffill()


def _months(sessions: Sequence[date], returns: Floats) -> list[_Month]:
    """Cut at the first session of each month, from the first with enough returns before it."""
    month = pd.PeriodIndex(pd.to_datetime(pd.Series(sessions)), freq="M")
    firsts = [i for i in range(1, len(month)) if month[i] != month[i - 1]]
    lasts = [*firsts[1:], len(month)]
    settings = digest(_VERSION, library_versions(_LIBRARIES))
    sha, done, months = hashlib.sha256(settings.encode()), 0, []
    for first, last in zip(firsts, lasts, strict=True):
        sha.update(np.ascontiguousarray(returns[done:first]).tobytes())
        done = first
        if first >= MIN_RETURNS:
            months.append(_Month(first, last, sha.hexdigest()[:32]))
    return months


def _fit_all(
    jobs: Sequence[tuple[str, Floats]], processes: int | None, progress: Progress | None
) -> Iterator[Parameters]:
    """Yield each fit, of a model on returns; many are spread over processes."""
    count = processes or os.cpu_count() or 1
    names, returns = zip(*jobs, strict=True)
    if progress:
        progress("GARCH fits", 0, len(jobs))
    with ExitStack() as stack:
        stack.enter_context(_one_thread())
        fits: Iterator[Parameters] = map(_fit, names, returns)
        if count > 1 and len(jobs) > _FEW:
            # Spawned, for a fork of a process with threads may hang.
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(ProcessPoolExecutor(count, context, _start_process))
            # After an interrupt nobody waits for the fits that have not begun.
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            with _main_left_alone():
                fits = pool.map(_fit, names, returns, chunksize=8)
        for done, fit in enumerate(fits, start=1):
            if progress:
                progress("GARCH fits", done, len(jobs))
            yield fit


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """Keep processes started here from importing the caller's script again.

    They need nothing of it, and it may be no file, or do its work when it is imported.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends, and its pool with it
    _one_thread()


def _one_thread() -> "threadpool_limits":
    """Give linear algebra one thread: the optimiser ends elsewhere with more."""
    # Only libraries that are loaded already can be limited, and scipy has one of its own.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def _fit(name: str, returns: Floats) -> Parameters:
    """Fit on all returns; ``sound``: it converged, to a stable process."""
    fit = _model(name, returns).fit(disp="off", show_warning=False)
    values = [float(f"{value:.{_DIGITS}g}") for value in fit.params]
    alpha, *gamma, beta = values[2:]
    persistence = alpha + sum(gamma) / 2 + beta
    sound = fit.convergence_flag == 0 and bool(np.isfinite(values).all()) and persistence < 1
    return {"parameters": values, "sound": bool(sound)}


def _walk(
    name: str, returns: Floats, months: Sequence[_Month], fits: Sequence[Parameters],
    progress: Progress | None,
) -> Floats:  # fmt: skip
    forecasts = np.full(len(returns), np.nan)
    in_force: list[float] | None = None
    for done, (month, fit) in enumerate(zip(months, fits, strict=True), start=1):
        # A fit that did not converge leaves the one before in force.
        in_force = fit["parameters"] if fit["sound"] else in_force
        if in_force is not None:
            fixed = _model(name, returns[: month.last]).fix(in_force)
            steps = fixed.forecast(horizon=calendar.HORIZON, start=month.first, reindex=False)
            mean = steps.variance.to_numpy().mean(axis=1)
            forecasts[month.first : month.last] = np.sqrt(SESSIONS_A_YEAR * mean) / 100
        if progress:
            progress(f"months of {LABELS[name]}", done, len(months))
    return forecasts


def _model(name: str, returns: Floats):  # type: ignore[no-untyped-def]
    from arch import arch_model

    return arch_model(
        returns, mean="Constant", vol="GARCH", p=1, o=_ASYMMETRY[name], q=1, rescale=False
    )
