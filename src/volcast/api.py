"""Forecast and evaluate tables of prices in memory: what a notebook calls.

The rows take the way of a store's: the same checks, features, labels, walk-forward and fit. The
store is a temporary folder.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from volcast.core.names import LABELS
from volcast.core.settings import Universe
from volcast.data.ingest import ingest
from volcast.data.sources.frames import FrameSource
from volcast.data.sources.sample import SampleSource
from volcast.data.validate import validate
from volcast.evaluation.evaluate import EvaluationResult
from volcast.evaluation.evaluate import evaluate as evaluate_store
from volcast.evaluation.splits import overall
from volcast.evaluation.table import SkillTable
from volcast.evaluation.walkforward import Progress, walk_forward
from volcast.evaluation.words import better_choice, leading
from volcast.features import labels
from volcast.features.build import build
from volcast.features.catalog import names
from volcast.features.point_in_time import features_at_close, labelled_features
from volcast.inference.forecast import forecast_row
from volcast.models.intervals import BOUNDS
from volcast.models.recipe import RECIPES
from volcast.monitoring.status import drivers as parts
from volcast.store import Store
from volcast.training.train import fit_final

if TYPE_CHECKING:
    import altair

__all__ = ["Evaluation", "Forecast", "evaluate", "forecast", "sample"]

_SHOWN_SESSIONS = 252
Levels: TypeAlias = "pd.Series[Any] | pd.DataFrame | None"


@dataclass(frozen=True)
class Forecast:
    """The volatility of the five sessions after ``session``, with intervals and reasons.

    Volatilities are annualised, in decimals: 0.2 is 20 % a year.

    Parameters
    ----------
    symbol : str
    session : date
        The newest session of the prices.
    first, last : date
        Of the five sessions forecast.
    volatility : float
        Square root of the expected variance.
    interval80, interval95 : tuple of float
    regime : str or None
        calm, normal or stressed.
    baselines : dict of float or None
        By name; None where the data lack an input.
    drivers : pandas.DataFrame
        The largest contributions: feature, label, value, and ``share``, the part of the forecast by
        which each raises (+) or lowers (-) it.
    skill : SkillTable
        How the model did against each baseline, walked forward over the history, on the sessions
        that all have.
    better_choice : str
        A sentence that names HAR in logs where it did better over the history; empty else.
    history : pandas.DataFrame
        Columns of an evaluation file: the walk-forward and, as the last row, this forecast.
    """

    symbol: str
    session: date
    first: date
    last: date
    volatility: float
    interval80: tuple[float, float]
    interval95: tuple[float, float]
    regime: str | None
    baselines: dict[str, float | None]
    drivers: pd.DataFrame
    skill: SkillTable
    better_choice: str
    history: pd.DataFrame

    def __str__(self) -> str:
        """Return the forecast and its 80 % interval in a sentence."""
        low, high = self.interval80
        return (
            f"{self.symbol}, {self.first} to {self.last}: {self.volatility:.1%} annualised "
            f"volatility, 80 % between {low:.1%} and {high:.1%}"
        )

    def plot(self) -> "altair.LayerChart":
        """Draw the last year of forecasts, their intervals and the outcomes."""
        from volcast.evaluation.charts import fan

        return fan(self.history.tail(_SHOWN_SESSIONS))


@dataclass(frozen=True)
class Evaluation:
    """A walk-forward over all the prices, shown between two sessions.

    Parameters
    ----------
    result : EvaluationResult
        What reports are made of.
    """

    result: EvaluationResult

    @property
    def rows(self) -> pd.DataFrame:
        """Forecast, interval bounds, baselines and outcome (``rv_5d``) of each session."""
        return self.result.rows

    @property
    def skill(self) -> SkillTable:
        """The forecast compared with each baseline, on the sessions that all have."""
        return leading(overall(self.rows))

    @property
    def better_choice(self) -> str:
        """A sentence that names HAR in logs where it did better on the sessions shown; or empty."""
        return better_choice(overall(self.rows))

    @property
    def table(self) -> pd.DataFrame:
        """The skill as a table: QLIKE, RMSE, share of QLIKE saved and one-sided p-value."""
        lines = [
            {
                "forecast": LABELS[line.name], "QLIKE": line.qlike, "RMSE, points": line.rmse,
                "QLIKE saved": line.gain, "p, one-sided": line.p_better,
            }
            for line in self.skill.lines
        ]  # fmt: skip
        table = pd.DataFrame(lines).set_index("forecast")
        # The forecast compared with itself says nothing.
        table.loc[LABELS["volcast"], ["QLIKE saved", "p, one-sided"]] = np.nan
        return table

    def plot(self) -> "altair.LayerChart":
        """Draw the forecasts of the last year shown, their intervals and the outcomes."""
        from volcast.evaluation.charts import fan

        return fan(self.rows.tail(_SHOWN_SESSIONS))

    def save(self, path: str | Path) -> Path:
        """Write the whole report as one HTML page; return its path."""
        from volcast.evaluation.report import render

        Path(path).write_text(render(self.result), encoding="utf-8")
        return Path(path)


def sample() -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Return the daily prices of the S&P 500 index, 1999 to 2018, and its VIX from 2014 on.

    Returns
    -------
    prices : pandas.DataFrame
        open, high, low, close, adj_close and volume by date.
    vix : pandas.Series
        Closes by date, in points.

    Examples
    --------
    >>> prices, vix = sample()
    >>> len(prices), float(vix.loc["2018-12-31"])
    (5031, 25.42)
    """
    rows = SampleSource().market(["SPX", "VIX"], None, None).rows.set_index("session")
    columns = ["open", "high", "low", "close", "adj_close", "volume"]
    prices = rows.loc[rows["symbol"] == "SPX", columns].rename_axis("date")
    vix = rows.loc[rows["symbol"] == "VIX", "close"].rename_axis("date").rename("vix")
    return prices, vix


def forecast(
    prices: pd.DataFrame, iv: Levels = None, *, iv_9d: Levels = None, symbol: str = "ASSET",
    as_of: date | None = None, seed: int = 7,
) -> Forecast:  # fmt: skip
    """Forecast the volatility of the five sessions after the newest one.

    The model is fitted on these prices alone, and its intervals and its skill come from a
    walk-forward over them: five years of sessions are needed, ten are good.

    Parameters
    ----------
    prices : pandas.DataFrame
        One row a session of the New York calendar, by date as index or column: open, high, low,
        close, and optionally adj_close (else close) and volume, by the names that files may have.
    iv : pandas.Series or pandas.DataFrame, optional
        Closes of the index of the asset's implied volatility, in points, such as the VIX for SPY.
    iv_9d : pandas.Series or pandas.DataFrame, optional
        The same over 9 days, such as VIX9D; it counts next to ``iv``.
    symbol : str
        The asset's name in the result.
    as_of : date, optional
        The session to forecast after; else the newest.
    seed : int
        Of the trees; the same input and seed give the same forecast.

    Raises
    ------
    ContractError
        If a column or date is wrong, or the history is too short.
    QualityError
        If the prices fail a check: frozen, torn, not the newest session.
    RequestError
        If ``as_of`` is not a session.

    Examples
    --------
    >>> import volcast
    >>> prices, vix = volcast.sample()
    >>> result = volcast.forecast(prices.loc["2013":], vix, symbol="SPX")
    >>> result.first.isoformat(), result.interval80[0] < result.volatility < result.interval80[1]
    ('2019-01-02', True)
    >>> result.drivers.columns.tolist()
    ['feature', 'label', 'value', 'share']
    >>> chart = result.plot()
    """
    with _store_of(prices, {"iv": iv, "iv_9d": iv_9d}, symbol, as_of) as (store, universe, day):
        build(store, universe, day)
        labels.build(store, universe, day)
        rows = labelled_features(store, symbol, day)
        walked = walk_forward(rows, seed, recipes=RECIPES)
        forecaster = fit_final(rows, day, walked, seed)
        newest = features_at_close(store, symbol, day).iloc[-1]
    values = {name: newest[name] for name in names()}
    row = forecast_row(forecaster, symbol, newest["session"], values)
    return _result(row, walked.rows)


def evaluate(  # noqa: PLR0913
    prices: pd.DataFrame, iv: Levels = None, *, iv_9d: Levels = None, symbol: str = "ASSET",
    first: date | None = None, last: date | None = None, garch: bool = True, seed: int = 7,
    progress: Progress | None = None,
) -> Evaluation:  # fmt: skip
    """Walk forward over the prices and compare each forecast with the baselines and the outcome.

    Every forecast is made with what was known at its session's close; the walk begins where the
    history allows, so that ``first`` and ``last`` change what is shown, not a forecast.

    Parameters
    ----------
    prices, iv, iv_9d, symbol, seed
        As in `forecast`.
    first, last : date, optional
        The sessions shown, inclusive; else all with a forecast.
    garch : bool
        Whether GARCH(1,1) and GJR-GARCH(1,1) are among the baselines; they take most of the time.
    progress : callable, optional
        Called with what is counted, how many are done, and of how many.

    Raises
    ------
    ContractError, QualityError
        As `forecast`.
    NotFound
        If no session lies between ``first`` and ``last``.

    Examples
    --------
    >>> import volcast
    >>> prices, vix = volcast.sample()
    >>> result = volcast.evaluate(prices.loc["2012":], vix, symbol="SPX", garch=False)
    >>> result.skill.line("har_rv").gain > 0
    True
    >>> result.table.columns.tolist()
    ['QLIKE', 'RMSE, points', 'QLIKE saved', 'p, one-sided']
    """
    with _store_of(prices, {"iv": iv, "iv_9d": iv_9d}, symbol, None) as (store, universe, day):
        result = evaluate_store(
            store, universe, first or date.min, last or day, seed=seed, progress=progress
        )
        if garch:
            result = result.with_garch(store, progress)
    return Evaluation(result)


@contextmanager
def _store_of(
    prices: pd.DataFrame, parts: Mapping[str, Levels], symbol: str, as_of: date | None
) -> Iterator[tuple[Store, Universe, date]]:
    """Open a temporary store of the checked rows, with its universe and newest session."""
    roles = dict.fromkeys(parts, "")
    indices: dict[str, pd.Series[Any] | pd.DataFrame] = {}
    for part, levels in parts.items():
        if levels is not None:
            roles[part] = _index_name(levels, part, [symbol, *indices])
            indices[roles[part]] = levels
    universe = Universe(target=symbol, iv_3m="", bond="", credit="", **roles)
    source = FrameSource(symbol, prices, indices)
    with TemporaryDirectory(prefix="volcast-") as folder:
        store = Store.open(folder)
        fetched = ingest(store, source, universe, now=datetime.now(UTC), as_of=as_of)
        report = validate(store, universe, fetched.as_of)
        for text in (*fetched.warnings, *report.examples, *report.warnings):
            warnings.warn(text, stacklevel=4)
        yield store, universe, fetched.as_of


def _index_name(levels: "pd.Series[Any] | pd.DataFrame", part: str, taken: Sequence[str]) -> str:
    """Return the name of the series if it can be a symbol, else that of its part: IV, IV9D."""
    own = part.replace("_", "").upper()
    usual = {"CLOSE", "VALUE", *(symbol.upper() for symbol in taken)}
    candidates = (str(getattr(levels, "name", None) or "").upper(), own, f"{own}INDEX")
    return next(name for name in candidates if name.isalnum() and name not in usual)


def _result(row: dict[str, Any], walked: pd.DataFrame) -> Forecast:
    baselines = {
        name.removeprefix("baseline_"): value
        for name, value in row.items()
        if name.startswith("baseline_")
    }
    drivers = pd.DataFrame(
        [
            {"feature": one.feature, "label": one.words, "value": one.value, "share": one.share}
            for one in parts(row) if one.value is not None
        ]
    )  # fmt: skip
    now = {name: row[name] for name in BOUNDS} | {
        "session": row["session"], "symbol": row["symbol"], "forecast": row["rv_5d_hat"],
    }  # fmt: skip
    past = walked[walked["session"] < row["session"]]
    history = pd.concat([past, pd.DataFrame([now])], ignore_index=True)
    tables = overall(walked)
    return Forecast(
        symbol=row["symbol"], session=row["session"], first=row["target_from"],
        last=row["target_to"], volatility=row["rv_5d_hat"],
        interval80=(row["lo80"], row["hi80"]), interval95=(row["lo95"], row["hi95"]),
        regime=row.get("regime"), baselines=baselines, drivers=drivers,
        skill=leading(tables), better_choice=better_choice(tables), history=history,
    )  # fmt: skip
