"""The answers of /predict: a forecast by symbol and date, with its intervals and its reasons."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.inputs import json_object, plain_date, quoted
from serving.model import VolcastModel
from serving.state import InService
from volcast.core import calendar
from volcast.core.baselines import BASELINES
from volcast.core.errors import ModelError, NotFound, RequestError, StaleInput, StoreUnavailable
from volcast.data.sessions import require_session
from volcast.features.catalog import names
from volcast.inference.forecast import HIGHEST, LOWEST, forecast_row
from volcast.models.intervals import BOUNDS
from volcast.registry.versions import NAME
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY

__all__ = ["STALE_LIMIT", "Answers", "Question"]

STALE_LIMIT = 5
"""Sessions that features may be old and still be answered from, marked stale."""

_ANSWERED_AS = {"har_rv": "har"}
"""Baselines whose name in the answer is older than the one in the tables."""

_REGIMES = ("calm", "normal", "stressed")


@dataclass(frozen=True)
class Question:
    """What a client asks.

    Parameters
    ----------
    symbol : str
    as_of : date or None
        None asks for the present.
    features : object or None
        As sent; checked against the champion's signature when answered.
    """

    symbol: str
    as_of: date | None = None
    features: object | None = None

    @classmethod
    def of_query(cls, pairs: Sequence[tuple[str, str]]) -> "Question":
        """Read a query string.

        Raises
        ------
        RequestError
            On a repeated, unknown or malformed parameter, or no symbol.
        """
        given = dict(pairs)
        if len(given) < len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for name in names if names.count(name) > 1)
            raise _wrong(f"{quoted(repeated)} twice", "each parameter once", repeated)
        return cls._of(given, {"symbol", "as_of"})

    @classmethod
    def of_body(cls, body: bytes) -> "Question":
        """Read a JSON body.

        Raises
        ------
        RequestError
            On anything but an object with symbol and, if wanted, as_of and features.
        """
        return cls._of(json_object(body), {"symbol", "as_of", "features"})

    @classmethod
    def _of(cls, given: Mapping[str, Any], allowed: set[str]) -> "Question":
        for name in given:
            if name not in allowed:
                raise _wrong(f"unknown field {quoted(name)}", f"{sorted(allowed)}", name)
        symbol, as_of = given.get("symbol"), given.get("as_of")
        if not isinstance(symbol, str) or not symbol:
            raise _wrong(quoted(symbol), "a symbol such as SPY", "symbol")
        day = None if as_of is None else plain_date(as_of, "as_of")
        return cls(symbol, day, given.get("features"))


@dataclass(frozen=True)
class Answers:
    """Answers questions from what is in service and from the published forecasts.

    Parameters
    ----------
    store : Store
        Holds the published forecasts.
    model : VolcastModel
        Holds what is in service.
    """

    store: Store
    model: VolcastModel

    def answer(self, question: Question) -> dict[str, object]:
        """Answer one question, in the shape of the /predict contract.

        Without an ``as_of``, or with ``features``, nothing outside this process is asked.

        Raises
        ------
        ModelError
            Without a champion.
        NotFound
            If the symbol is not forecast, or the past day was not.
        RequestError
            If ``as_of`` is not a session, or the features given are not the signature.
        StaleInput
            If the newest features are missing or too old.
        StoreUnavailable
            If the store does not answer, or the online store never has.
        """
        state = self.model.state
        _ = state.ready_champion
        clock = state.clocks.get(question.symbol)
        if clock is None:
            raise NotFound(
                found=quoted(question.symbol),
                expected=f"one of {sorted(state.clocks)}",
                where="symbol",
                remedy="Ask for a symbol that is forecast.",
                field="symbol",
            )
        as_of = clock if question.as_of is None else require_session(question.as_of)
        if question.features is not None:
            return _given(state, question, as_of)
        if question.as_of is not None:
            published = self._published(state, question.symbol, as_of)
            if published is not None:
                return _body(published, as_of)
        return _newest(state, question.symbol, as_of, clock)

    def _published(self, state: InService, symbol: str, as_of: date) -> dict[str, Any] | None:
        """Return the champion's stored row of a day.

        A day may have rows of several champions: that of the version in service goes first, so
        that all answers come from one model, else the newest version's.
        """
        rows = self.store.read(PREDICTIONS_DAILY, symbols=[symbol], first=as_of, last=as_of)
        found = [row for row in rows.to_pylist() if row["role"] == "champion"]
        served = state.ready_champion.version.version
        ranked = sorted(found, key=lambda row: _rank(row["model_version"], served))
        return ranked[-1] if ranked else None


def _newest(state: InService, symbol: str, as_of: date, clock: date) -> dict[str, object]:
    known = state.features[symbol]
    newest = known.row
    if as_of < (clock if newest is None else newest.session):
        raise NotFound(
            found=f"no forecast of {as_of}",
            expected="a session that was forecast",
            where="as_of",
            remedy="Ask for another day, or backfill this one.",
            field="as_of",
        )
    if newest is None and not known.confirmed:
        raise StoreUnavailable(
            found="no answer yet", expected="an online store that answers",
            where="online features", remedy="Mend the store; it is asked again by itself.",
        )  # fmt: skip
    if newest is None:
        raise _stale("no features in the online store")
    age = calendar.sessions_between(newest.session, as_of)
    if age > STALE_LIMIT:
        raise _stale(f"features of {newest.session}, {age} sessions before {as_of}")
    row = _forecast(state, symbol, newest.session, newest.values)
    return _body(row, as_of, age, confirmed=known.confirmed)


def _rank(version: str, served: str) -> tuple[bool, int, str]:
    return version == served, int(version) if version.isdecimal() else -1, version


def _given(state: InService, question: Question, as_of: date) -> dict[str, object]:
    values = state.signature.values(question.features, "features")
    row = _row(state, question.symbol, as_of, values)
    sound = all(math.isfinite(row[name]) for name in ("rv_5d_hat", *BOUNDS))
    if not (sound and LOWEST <= row["rv_5d_hat"] <= HIGHEST):
        limits = f"values that give a volatility from {LOWEST} to {HIGHEST}"
        raise _wrong("values that give none that can be", limits, "features")
    return _body(row, as_of)


def _forecast(
    state: InService, symbol: str, session: date, values: Mapping[str, float | None]
) -> Mapping[str, Any]:
    signature = state.signature
    missing = [n for n in signature.names if n not in values]
    empty = [n for n in signature.names if values.get(n) is None and n not in signature.optional]
    if missing:
        raise ModelError(
            found=f"no {missing} among the online features",
            expected="the model's signature",
            where="online features",
            remedy="Apply the feature definitions and materialize again.",
        )
    if empty:
        raise _stale(f"no value of {empty} for {session}")
    # The regime stands beside the forecast; it is no input of it.
    wanted = {name: values.get(name) for name in (*signature.names, *names("regime"))}
    return _row(state, symbol, session, wanted)


def _row(
    state: InService, symbol: str, session: date, values: Mapping[str, float | None]
) -> dict[str, Any]:
    champion = state.ready_champion
    champion.refuse_another(symbol)
    row = forecast_row(champion.forecaster, symbol, session, values)
    row["model_version"] = champion.version.version
    return row


def _body(
    row: Mapping[str, Any], as_of: date, age: int = 0, *, confirmed: bool = True
) -> dict[str, object]:
    """Return the /predict body of one predictions_daily row.

    Features that the online store could not confirm are stale whatever their age: newer ones may
    be there.
    """
    return {
        "symbol": row["symbol"],
        "as_of": as_of.isoformat(),
        "target": {
            "from": row["target_from"].isoformat(),
            "to": row["target_to"].isoformat(),
            "sessions": calendar.HORIZON,
        },
        "rv_5d": row["rv_5d_hat"],
        "unit": "annualised volatility, decimal",
        "intervals": {"0.80": [row["lo80"], row["hi80"]], "0.95": [row["lo95"], row["hi95"]]},
        "baselines": {
            _ANSWERED_AS.get(name, name): _number(row.get(f"baseline_{name}")) for name in BASELINES
        },
        "regime": _regime(row),
        "base_log_variance": row["base_log_variance"],
        "drivers": [{**driver, "value": _number(driver["value"])} for driver in row["drivers"]],
        "others_contribution": row["others_contribution"],
        "model": {"name": NAME, "version": row["model_version"]},
        "features_as_of": row["features_as_of"].isoformat(),
        "stale": age > 0 or not confirmed,
        "age_sessions": age,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _regime(row: Mapping[str, Any]) -> dict[str, object] | None:
    if row.get("regime") is None:
        return None
    return {"label": row["regime"], "probabilities": {n: row[f"p_{n}"] for n in _REGIMES}}


def _stale(found: str) -> StaleInput:
    return StaleInput(
        found=found,
        expected=f"features at most {STALE_LIMIT} sessions old",
        where="online features",
        remedy="Run the daily pipeline.",
    )


def _wrong(found: str, expected: str, field: str) -> RequestError:
    return RequestError(
        found=found, expected=expected, where=field, remedy="Mend the field.", field=field
    )
