"""The answers of /predict: a forecast by symbol and date, with its intervals and its drivers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from serving.body import (
    field_error,
    json_object,
    plain_date,
    quoted,
    refuse_unknown,
    unrepeated,
)
from serving.lookup import FeatureRow
from serving.signature import Signature, implausible
from serving.state import ServingState, VolcastModel
from volcast.core import calendar
from volcast.core.errors import (
    ModelError,
    NotFound,
    QualityError,
    StaleInput,
    StoreUnavailable,
)
from volcast.core.names import BASELINES, STATES
from volcast.data.sessions import require_session
from volcast.features.catalog import names
from volcast.inference.forecast import forecast_row
from volcast.inference.selection import official_forecasts
from volcast.inference.soundness import plausible
from volcast.registry.versions import NAME
from volcast.store import Store

STALE_LIMIT = 5
"""Sessions that features may be old and still be answered from, marked stale."""

_EASTERNMOST = timedelta(hours=14)
"""The earliest time zone is so far ahead of UTC: no asker's own date is later than there."""

_BASELINES = [("har" if name == "har_rv" else name, f"baseline_{name}") for name in BASELINES]
"""The baselines' names in the answer, one of them older than the tables', and their columns."""


@dataclass(frozen=True)
class ForecastRequest:
    """A request of /predict; by default for the store's target, and for the present."""

    symbol: str | None = None
    as_of: date | None = None
    features: object | None = None

    @classmethod
    def of_query(cls, pairs: list[tuple[str, str]]) -> "ForecastRequest":
        """Read a query string; raise RequestError of its first wrong parameter."""
        return cls._of(unrepeated(pairs), {"symbol", "as_of"})

    @classmethod
    def of_body(cls, body: bytes) -> "ForecastRequest":
        """Read a JSON body; raise RequestError of its first wrong field."""
        fields = json_object(body, '{"symbol": "SPY"}')
        return cls._of(fields, {"symbol", "as_of", "features"})

    @classmethod
    def _of(cls, fields: Mapping[str, Any], allowed: set[str]) -> "ForecastRequest":
        refuse_unknown(fields, allowed)
        symbol, as_of = fields.get("symbol"), fields.get("as_of")
        if symbol is not None and (not isinstance(symbol, str) or not symbol):
            raise field_error(quoted(symbol), "a symbol such as SPY", "symbol")
        day = None if as_of is None else plain_date(as_of, "as_of")
        return cls(symbol, day, fields.get("features"))


@dataclass(frozen=True)
class ForecastService:
    """Answers requests from the model's served state and from the store's published forecasts.

    ``now`` gives the time in UTC.
    """

    store: Store
    model: VolcastModel
    now: Callable[[], datetime]

    def answer(self, request: ForecastRequest) -> dict[str, object]:
        """Answer one request, in the shape of the /predict contract.

        Without an ``as_of``, or with ``features``, nothing outside this process is read.
        """
        state = self.model.state
        in_service = {state.ready_champion.version.version}
        symbol = request.symbol or next(iter(state.sessions), "")
        present = state.sessions.get(symbol)
        if present is None:
            raise NotFound(
                found=quoted(symbol), expected=f"one of {list(state.sessions)}",
                where="symbol", remedy="Ask for a symbol that is forecast.", field="symbol",
            )  # fmt: skip
        as_of = present if request.as_of is None else self._begun(request.as_of)
        if request.features is not None:
            return _from_features(state, symbol, as_of, request.features)
        if request.as_of is not None:
            published = official_forecasts(
                self.store, symbol, first=as_of, last=as_of, in_service=in_service
            ).to_pylist()
            if published:
                return _answer(published[0], as_of)
        return self._from_online_features(state, symbol, as_of, present)

    def _begun(self, day: date) -> date:
        """Return ``day`` if it is a session that has begun somewhere on earth."""
        if day > (self.now() + _EASTERNMOST).date():
            raise calendar.not_closed(day)
        return require_session(day)

    def _from_online_features(
        self, state: ServingState, symbol: str, as_of: date, present: date
    ) -> dict[str, object]:
        newest = state.features.get(symbol)
        reference = as_of
        if as_of > present:
            # The asker's own date may be ahead of New York: nothing newer can be there yet.
            reference = min(as_of, max(present, calendar.last_closed(self.now())))
        late = calendar.sessions_between(present, reference) > STALE_LIMIT
        if late or as_of < (present if newest is None else newest.session):
            raise NotFound(
                found=f"no forecast of {as_of}",
                expected=f"a session that was forecast, up to {present}", where="as_of",
                remedy="Ask for another day, or backfill this one.", field="as_of",
            )  # fmt: skip
        if symbol not in state.features:
            raise StoreUnavailable(
                found="no answer yet", expected="an online store that answers",
                where="online features", remedy="Repair the store; the server keeps reading it.",
            )  # fmt: skip
        if newest is None:
            raise _stale("no features in the online store")
        age = calendar.sessions_between(newest.session, reference)
        if age > STALE_LIMIT:
            raise _stale(f"features of {newest.session}, {age} sessions before {reference}")
        _require_inputs(state.signature, newest)
        # The regime's values too, which the answer has but no model reads.
        inputs = (*state.signature.names, *names("regime"))
        values = {name: newest.values.get(name) for name in inputs}
        row = _forecast_row(state, symbol, newest.session, values)
        if not plausible(row["rv_5d_hat"]):
            raise QualityError(
                found=f"features of {newest.session} that forecast {row['rv_5d_hat']:g}",
                expected="features that give a plausible volatility", where="online features",
                remedy="Repair the features, and materialize them again.",
            )  # fmt: skip
        return _answer(row, as_of, age, confirmed=newest.confirmed)


def _from_features(
    state: ServingState, symbol: str, as_of: date, features: object
) -> dict[str, object]:
    values = state.signature.values(features, "features")
    row = _forecast_row(state, symbol, as_of, values)
    if not plausible(row["rv_5d_hat"]):
        raise implausible("features")
    return _answer(row, as_of)


def _require_inputs(signature: Signature, row: FeatureRow) -> None:
    missing = [name for name in signature.names if name not in row.values]
    if missing:
        raise ModelError(
            found=f"no {missing} among the online features", expected="the model's signature",
            where="online features", remedy="Apply the feature definitions and materialize again.",
        )  # fmt: skip
    empty = [n for n in signature.names if row.values[n] is None and n not in signature.optional]
    if empty:
        raise _stale(f"no value of {empty} for {row.session}")


def _forecast_row(
    state: ServingState, symbol: str, session: date, values: Mapping[str, float | None]
) -> dict[str, Any]:
    champion = state.ready_champion
    champion.refuse_another(symbol)
    row = forecast_row(champion.forecaster, symbol, session, values)
    row["model_version"] = champion.version.version
    return row


def _answer(
    row: Mapping[str, Any], as_of: date, age: int = 0, *, confirmed: bool = True
) -> dict[str, object]:
    """Return the /predict body of one predictions_daily row; a NaN becomes null in its JSON.

    Features that the online store could not confirm are stale at any age: it may have newer ones.
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
        "baselines": {name: row.get(column) for name, column in _BASELINES},
        "regime": None
        if row.get("regime") is None
        else {"label": row["regime"], "probabilities": {n: row[f"p_{n}"] for n in STATES}},
        "base_log_variance": row["base_log_variance"],
        "drivers": row["drivers"],
        "others_contribution": row["others_contribution"],
        "model": {"name": NAME, "version": row["model_version"]},
        "features_as_of": row["features_as_of"].isoformat(),
        "stale": age > 0 or not confirmed,
        "age_sessions": age,
    }


def _stale(found: str) -> StaleInput:
    return StaleInput(
        found=found, expected=f"features at most {STALE_LIMIT} sessions old",
        where="online features", remedy="Run the daily pipeline.",
    )  # fmt: skip
