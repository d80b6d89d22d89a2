"""Daily inference: one forecast from one row of features.

The challenger, where there is one, forecasts the same sessions as the champion. No failure of the
challenger stops the champion: what fails is left out and reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite, nan
from typing import TYPE_CHECKING

import pyarrow as pa

from volcast import registry
from volcast.core import calendar
from volcast.core.errors import StaleInput, VolcastError
from volcast.core.hashing import code_version, digest
from volcast.core.names import BASELINES
from volcast.core.settings import Universe
from volcast.features.point_in_time import features_at_close
from volcast.features.regimes import regime_columns
from volcast.inference.soundness import require_sound
from volcast.models.forecaster import Forecaster
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Shadow",
    "forecast_row",
    "infer",
    "predict_row",
    "shadow",
]

_DRIVERS = 5

_BASELINES = [(name, f"baseline_{name}") for name in BASELINES]

_FAULTS = (VolcastError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a model that is not fit for its input can raise; XGBoost's own error is a ValueError."""


def forecast_row(
    forecaster: Forecaster, symbol: str, session: date, features: Mapping[str, float | None]
) -> dict[str, object]:
    """Forecast one row, with its intervals, baselines and drivers.

    Parameters
    ----------
    forecaster : Forecaster
        A verified version.
    symbol, session : str, date
        Whose features these are; the forecast covers the five sessions after.
    features : mapping
        A value for each name of the signature; optional ones may be None. The regime is
        part of the row where its probabilities are among them.

    Returns
    -------
    dict
        Columns of predictions_daily, without those that identify the model and the run.

    Raises
    ------
    StaleInput
        If a feature the model needs is missing.
    """
    values = _values(forecaster, features)
    row = list(values.values())
    if not isfinite(sum(row)):
        _require_finite(forecaster, values, f"features of {symbol} for {session}")
    forecast = forecaster.single(row)
    parts, baselines = forecast.contributions, forecast.baselines
    largest = sorted([(-abs(part), name) for name, part in parts.items()])[:_DRIVERS]
    drivers = [
        {"feature": name, "value": values[name], "contribution": parts[name]} for _, name in largest
    ]
    return {
        "symbol": symbol,
        "session": session,
        "rv_5d_hat": forecast.rv_5d,
        **forecast.bounds,
        **{
            column: baselines[name] if isfinite(baselines[name]) else None
            for name, column in _BASELINES
        },
        **regime_columns(features),
        "base_log_variance": forecast.base,
        "drivers": drivers,
        # What is left of the log variance, so that the parts shown add up to the last digit.
        "others_contribution": (
            forecast.log_variance - forecast.base - sum(parts[name] for _, name in largest)
        ),
        "target_from": calendar.after(session, 1),
        "target_to": calendar.after(session, calendar.HORIZON),
        "features_as_of": session,
    }


def _require_finite(forecaster: Forecaster, values: Mapping[str, float], where: str) -> None:
    missing = [n for n, v in values.items() if not isfinite(v) and n not in forecaster.optional]
    if missing:
        raise StaleInput(
            found=f"no value of {', '.join(missing)}", expected="every feature of the signature",
            where=where, remedy="Ingest the missing prices and build the features again.",
        )  # fmt: skip


def predict_row(
    forecaster: Forecaster, version: str, symbol: str, session: date,
    features: Mapping[str, float | None],
) -> dict[str, object]:  # fmt: skip
    """Return `forecast_row` with the columns that identify the model, by its number, and the run.

    The same input gives the same row.
    """
    values = _values(forecaster, features)
    feature_hash = digest({name: repr(value) for name, value in values.items()})
    return forecast_row(forecaster, symbol, session, features) | {
        "model_version": version,
        "role": "champion",
        "feature_hash": feature_hash,
        "run_id": digest(feature_hash, symbol, str(session), version, code_version()),
        "created_timestamp": calendar.closes([session])[0],
    }


def _values(forecaster: Forecaster, features: Mapping[str, float | None]) -> dict[str, float]:
    return {
        name: nan if (value := features.get(name)) is None else float(value)
        for name in forecaster.signature
    }


@dataclass(frozen=True)
class Shadow:
    """The challenger's forecasts of the same sessions, and a summary of what was left out and why.

    No rows, and an empty summary, without a challenger.
    """

    rows: pa.Table
    summary: str


def infer(store: Store, universe: Universe, first: date, last: date | None = None) -> pa.Table:
    """Forecast with the champion from ``first`` to ``last`` (``first`` alone); publish nothing.

    Raises
    ------
    StaleInput
        If a session has no features.
    ModelError
        If there is no champion, or it fails its checks.
    """
    champion = registry.champion(store, universe.target)
    sessions = [first] if last is None else calendar.sessions(first, last)
    features = _features(store, universe, first, last or first)
    return _table([_row(champion, "champion", features, day, universe.target) for day in sessions])


def shadow(store: Store, universe: Universe, first: date, last: date) -> Shadow:
    """Forecast with the challenger from ``first`` to ``last``; nothing is published yet.

    Whatever is wrong with the challenger is part of the summary, and raises nothing.
    """
    rows: list[dict[str, object]] = []
    faults: list[str] = []
    try:
        challenger = registry.challenger(store, universe.target)
        if challenger is None:
            return Shadow(PREDICTIONS_DAILY.empty(), "")
        features = _features(store, universe, first, last)
    except _FAULTS as error:
        return Shadow(PREDICTIONS_DAILY.empty(), f"left out: {error}")
    for session in calendar.sessions(first, last):
        try:
            row = _row(challenger, "challenger", features, session, universe.target)
            require_sound(_table([row]))
            rows.append(row)
        except _FAULTS as error:
            faults.append(f"; left out {session}: {error}")
    # The first fault is enough: a model that fails on a day fails alike on the next.
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    summary = f"version {challenger.version.version}, sessions forecast: {len(rows)}"
    return Shadow(_table(rows), summary + "".join(faults[:1]) + more)


def _table(rows: list[dict[str, object]]) -> pa.Table:
    if not rows:
        return PREDICTIONS_DAILY.empty()
    return PREDICTIONS_DAILY.conform(pa.Table.from_pylist(rows))


def _features(store: Store, universe: Universe, first: date, last: date) -> "pd.DataFrame":
    # Not all of history; a year more, so that an error can name the newest session there is.
    since = date(first.year - 1, 1, 1)
    return features_at_close(store, universe.target, last, since).set_index("session")


def _row(
    model: registry.Champion, role: str, features: "pd.DataFrame", session: date, symbol: str
) -> dict[str, object]:
    if session not in features.index:
        newest = features.index.max() if len(features) else "none"
        raise StaleInput(
            found=f"no features of {symbol} for {session} (newest: {newest})",
            expected="features of every session asked for", where="features_daily",
            remedy="Run `volcast ingest` and `volcast features`, or ask for another session.",
        )  # fmt: skip
    version, values = model.version, dict(features.loc[session].items())
    row = predict_row(model.forecaster, version.version, symbol, session, values)  # type: ignore[arg-type]
    return row | {"role": role, "model_as_of": date.fromisoformat(version.as_of)}
