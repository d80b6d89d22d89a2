"""predictions_daily: what was forecast, by which version, from what, and why."""

import pyarrow as pa

from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = ["BASELINES", "PREDICTIONS_DAILY"]

BASELINES = ("random_walk", "mean22", "ewma94", "har_rv", "log_har", "har_x", "vix")
"""Baselines by the names they have in every table, file and report."""

_VOL = "annualised, decimal"
_DRIVER = pa.struct([("feature", TEXT), ("value", FLOAT), ("contribution", FLOAT)])

PREDICTIONS_DAILY = Table(
    name="predictions_daily",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", "the forecast is made at its close"),
        Column("model_version", TEXT, "", "the registry's version"),
        Column("role", TEXT, "", "champion or challenger"),
        Column("rv_5d_hat", FLOAT, _VOL, "square root of the expected variance"),
        Column("lo80", FLOAT, _VOL, ""),
        Column("hi80", FLOAT, _VOL, ""),
        Column("lo95", FLOAT, _VOL, ""),
        Column("hi95", FLOAT, _VOL, ""),
        *(Column(f"baseline_{name}", FLOAT, _VOL, "", nullable=True) for name in BASELINES),
        Column("regime", TEXT, "", "calm, normal or stressed", nullable=True),
        Column("p_calm", FLOAT, "probability", "", nullable=True),
        Column("p_normal", FLOAT, "probability", "", nullable=True),
        Column("p_stressed", FLOAT, "probability", "", nullable=True),
        Column("base_log_variance", FLOAT, "log annualised variance", "forecast at mean features"),
        Column(
            "drivers",
            pa.list_(_DRIVER),
            "log variance",
            "the five largest, by absolute contribution",
        ),
        Column("others_contribution", FLOAT, "log variance", "sum of all other contributions"),
        Column("target_from", DATE, "session label", "first session forecast"),
        Column("target_to", DATE, "session label", "last session forecast"),
        Column("features_as_of", DATE, "session label", "session of the features used"),
        Column("feature_hash", TEXT, "sha256", "of the feature values used, by name"),
        Column("run_id", TEXT, "sha256", "of inputs, code version and configuration"),
        Column("created_timestamp", STAMP, "UTC", "close of the session"),
        Column(
            "model_as_of",
            DATE,
            "session label",
            "newest session the version was trained on; a forecast of an earlier session is "
            "hindsight, and no part of a track record",
            nullable=True,
        ),
    ),
    key=("symbol", "session", "model_version"),
)
