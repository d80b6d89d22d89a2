"""The contracts of the stored tables: columns, types, units and key.

Tables grow by adding columns; a column that exists is never renamed or given another type.
"""

import pyarrow as pa

from volcast.core.names import BASELINES, STATES
from volcast.store.schema import BOOL, COUNT, DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = [
    "CURATED_MARKET_DAILY",
    "CURATED_MARKET_VERSIONS",
    "FORECAST_BOUNDS",
    "LABELS_DAILY",
    "MONITORING_DRIFT_DAILY",
    "MONITORING_JOBS",
    "MONITORING_PERFORMANCE",
    "MONITORING_QUALITY",
    "MONITORING_QUARANTINE",
    "MONITORING_REALIZED_ERROR",
    "MONITORING_RETRAIN",
    "PREDICTIONS_DAILY",
    "RAW_MACRO",
    "RAW_MARKET",
    "TABLES",
    "Column",
    "Table",
]

_PRICES = ("open", "high", "low", "close")
_VOL = "annualised, decimal"
_DRIVER = pa.struct([("feature", TEXT), ("value", FLOAT), ("contribution", FLOAT)])
_SPANS = ("recent", "before")
_MEASURES = {
    "qlike": "",
    "qlike_har": "",
    "qlike_vix": "",
    "rmse_points": "volatility points",
    "coverage_80": "ratio",
    "coverage_95": "ratio",
}

RAW_MARKET = Table(
    name="raw.market",
    columns=(
        Column("symbol", TEXT, "", "as the universe names it"),
        Column("session", DATE, "session label", "the date the source prints; not yet checked"),
        Column("source", TEXT, "", "sample, csv, yfinance or synthetic"),
        Column("ingested_at", STAMP, "UTC", "when this version of the row was first fetched"),
        *(Column(name, FLOAT, "price", "unadjusted", nullable=True) for name in _PRICES),
        Column("adj_close", FLOAT, "price", "scaled to the last date fetched", nullable=True),
        # (adj_close_t / adj_close_t-1) / (close_t / close_t-1) within the fetch, free of its scale.
        Column("adjustment", FLOAT, "ratio", "gross-up; null on a first row", nullable=True),
        Column("volume", FLOAT, "shares", nullable=True),
    ),
    key=("symbol", "session", "source", "ingested_at"),
    partition_stamp="ingested_at",
)
"""Market rows as fetched. Append-only; a restated value is a new row."""

RAW_MACRO = Table(
    name="raw.macro",
    columns=(
        Column("series", TEXT, "", "the publisher's series name"),
        Column("observation_date", DATE, "first day of the period", "the period the value is for"),
        Column("available_at", STAMP, "UTC", "when this value became public, or its stated bound"),
        Column("value", FLOAT, "the series' own", nullable=True),
        Column("source", TEXT, "", "sample, csv or fred"),
        Column("lag_rule", TEXT, "", "how available_at is known: published, or the assumed lag"),
        Column("ingested_at", STAMP, "UTC", "when it was first fetched"),
    ),
    key=("series", "observation_date", "available_at"),
    partition_symbol="series",
    partition_date="observation_date",
    partition_stamp="ingested_at",
)
"""Macro values with the moment each became public. Append-only."""

CURATED_MARKET_DAILY = Table(
    name="curated.market_daily",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "a XNYS session"),
        *(Column(name, FLOAT, "price") for name in _PRICES),
        Column("adjustment", FLOAT, "ratio", "gross-up for dividends and splits; 1 if none"),
        Column("volume", FLOAT, "shares", nullable=True),
        Column("source", TEXT, "", "the source of the row in use"),
        Column("known_at", STAMP, "UTC", "session close; ingested_at if restated"),
        Column("flags", pa.list_(pa.string()), "", "quality flags that do not bar the row"),
    ),
    key=("symbol", "session"),
)
"""One validated row a symbol and XNYS session."""

CURATED_MARKET_VERSIONS = Table(
    name="curated.market_versions",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "a XNYS session"),
        Column("known_at", STAMP, "UTC", "when these values became known"),
        *(Column(name, FLOAT, "price") for name in _PRICES),
        Column("adjustment", FLOAT, "ratio", "gross-up for dividends and splits; 1 if none"),
    ),
    key=("symbol", "session", "known_at"),
)
"""The earlier values of each curated row that was restated; rows are only added."""

LABELS_DAILY = Table(
    name="labels_daily",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "the forecast is made at its close"),
        Column("rv_5d", FLOAT, _VOL, "sqrt(252/5 * sum r^2) of the next 5"),
        Column("label_end_session", DATE, "session label", "the fifth session after"),
        Column("event_timestamp", STAMP, "UTC", "close of label_end_session: when it is known"),
    ),
    key=("symbol", "session"),
)
"""The realized volatility that a session's forecast is judged by."""

FORECAST_BOUNDS = (0.003, 5.0)
"""Lowest and highest plausible forecast, annualised volatility as a decimal."""

PREDICTIONS_DAILY = Table(
    name="predictions_daily",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "the forecast is made at its close"),
        Column("model_version", TEXT, "", "the registry's version"),
        Column("role", TEXT, "", "champion or challenger"),
        Column("rv_5d_hat", FLOAT, _VOL, "square root of the expected variance"),
        *(Column(bound, FLOAT, _VOL) for bound in ("lo80", "hi80", "lo95", "hi95")),
        *(Column(f"baseline_{name}", FLOAT, _VOL, nullable=True) for name in BASELINES),
        Column("regime", TEXT, "", "calm, normal or stressed", nullable=True),
        *(Column(f"p_{state}", FLOAT, "probability", nullable=True) for state in STATES),
        Column("base_log_variance", FLOAT, "log annualised variance", "forecast at mean features"),
        Column("drivers", pa.list_(_DRIVER), "log variance", "five largest by size"),
        Column("others_contribution", FLOAT, "log variance", "sum of all other contributions"),
        Column("target_from", DATE, "session label", "first session forecast"),
        Column("target_to", DATE, "session label", "last session forecast"),
        Column("features_as_of", DATE, "session label", "session of the features used"),
        Column("feature_hash", TEXT, "sha256", "of the feature values used, by name"),
        Column("run_id", TEXT, "sha256", "of inputs, code version and configuration"),
        Column("created_timestamp", STAMP, "UTC", "close of the session"),
        Column("model_as_of", DATE, "session label", "newest session trained on", nullable=True),
    ),
    key=("symbol", "session", "model_version"),
)
"""What was forecast, by which version, from what, and why."""

MONITORING_QUALITY = Table(
    name="monitoring.quality",
    columns=(
        Column("symbol", TEXT, "", "the target of the run"),
        Column("session", DATE, "session label", "as_of of the run"),
        Column("suite", TEXT, "", "raw, curated, features or predictions"),
        Column("check", TEXT, "", "its name, also the reason that rows are quarantined with"),
        Column("severity", TEXT, "", "critical: the run stops; warning: it goes on"),
        Column("passed", BOOL),
        Column("checked", COUNT, "rows"),
        Column("failed", COUNT, "rows", "0 for a check of the whole table"),
        Column("found", FLOAT, "the check's own", "of a check of the whole table", nullable=True),
        Column("bound", FLOAT, "the check's own", "highest value that passes", nullable=True),
        Column("detail", TEXT, "", "the newest failing rows, in words; empty if it passed"),
    ),
    key=("symbol", "session", "suite", "check"),
)
"""One row a check of the data and the session it was run for."""

MONITORING_QUARANTINE = Table(
    name="monitoring.quarantine",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "as the source printed it"),
        Column("source", TEXT),
        Column("ingested_at", STAMP, "UTC", "of the raw row"),
        Column("reason", TEXT, "", "the check that failed"),
        *(Column(name, FLOAT, "price", nullable=True) for name in _PRICES),
    ),
    key=("symbol", "session", "source", "ingested_at", "reason"),
)
"""Rows kept out of curated data, each with its reason."""

MONITORING_REALIZED_ERROR = Table(
    name="monitoring.realized_error",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "the forecast was made at its close"),
        Column("model_version", TEXT),
        Column("role", TEXT, "", "champion or challenger"),
        Column("label_end_session", DATE, "session label", "at whose close the outcome was known"),
        Column("rv_5d", FLOAT, _VOL, "realized"),
        Column("rv_5d_hat", FLOAT, _VOL, "forecast"),
        Column("qlike", FLOAT, "", "of the variance forecast"),
        Column("qlike_har", FLOAT, "", "of baseline har_rv, the same row", nullable=True),
        Column("qlike_vix", FLOAT, "", "of VIX itself, the same row", nullable=True),
        Column("error_points", FLOAT, "volatility points", "forecast less realized"),
        Column("inside_80", BOOL, "", "realized lies in the 80 % interval"),
        Column("inside_95", BOOL),
        Column("qlike_log_har", FLOAT, "", "of baseline log_har, the same row", nullable=True),
        Column("qlike_har_x", FLOAT, "", "of baseline har_x, the same row", nullable=True),
    ),
    key=("symbol", "session", "model_version"),
)
"""Each published forecast scored once its outcome is known."""

MONITORING_PERFORMANCE = Table(
    name="monitoring.performance",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "as_of of the check"),
        Column("state", TEXT, "", "better, worse, same or too-few"),
        Column("recent_n", COUNT, "forecasts", "the latest, up to 20"),
        Column("before_n", COUNT, "forecasts", "those before, up to 252"),
        Column("recent_to", DATE, "session label", "newest forecast scored", nullable=True),
        *(
            Column(f"{span}_{measure}", FLOAT, unit, nullable=True)
            for measure, unit in _MEASURES.items()
            for span in _SPANS
        ),
        Column("p_worse", FLOAT, "probability", "small if worse", nullable=True),
        Column("p_better", FLOAT, "probability", "small if better", nullable=True),
        Column("p_coverage_80", FLOAT, "probability", "two-sided, of 80 % coverage", nullable=True),
        Column("p_coverage_95", FLOAT, "probability", "two-sided, of 95 % coverage", nullable=True),
        Column("detail", TEXT, "", "in words"),
        Column("reference", TEXT, "", "baseline that both p-values are against", nullable=True),
        *(Column(f"{span}_qlike_reference", FLOAT, nullable=True) for span in _SPANS),
    ),
    key=("symbol", "session"),
)
"""The latest scored forecasts against those before, one row a session."""

MONITORING_DRIFT_DAILY = Table(
    name="monitoring.drift_daily",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label", "last session of the window"),
        Column("subject", TEXT, "", "a feature, rv_5d, rv_5d_hat, regime or verdict"),
        Column("test", TEXT, "", "ks_level, ks_given_vix, ..., psi, chi2, missing"),
        Column("window", COUNT, "sessions", "asked for; 0 in the verdict"),
        Column("n", COUNT, "sessions", "values tested"),
        Column("reference_n", COUNT, "sessions", "values tested against"),
        Column("statistic", FLOAT, "the test's own", nullable=True),
        Column("threshold", FLOAT, "the test's own", "calibrated", nullable=True),
        Column("fired", BOOL, "", "statistic over threshold; in the verdict: state is not ok"),
        Column("state", TEXT, "", "of the verdict: ok, drift, not-run, ...", nullable=True),
        Column("alert", BOOL, "", "of the verdict: this session opens an alert"),
        Column("model_version", TEXT, "", "champion whose rows are the reference", nullable=True),
        Column("reference_sha256", TEXT, "sha256", "of those rows", nullable=True),
        Column("detail", TEXT, "", "in words"),
    ),
    key=("symbol", "session", "subject", "test", "window"),
)
"""The evidence on drift for each subject and test, and the verdict."""

MONITORING_RETRAIN = Table(
    name="monitoring.retrain",
    columns=(
        Column("symbol", TEXT),
        Column("session", DATE, "session label"),
        Column("drift_state", TEXT, "", "ok, regime-shift, drift, data-fault or not-run"),
        Column("error_state", TEXT, "", "better, worse, same or too-few"),
        Column("needed", BOOL, "", "drift, or worse realized error"),
        Column("train", BOOL, "", "needed, and no session shortly before trained"),
        Column("last_trained", DATE, "session label", "newest before that trained", nullable=True),
        Column("reason", TEXT, "", "in words"),
    ),
    key=("symbol", "session"),
)
"""Whether a session starts a new training run, and why."""

MONITORING_JOBS = Table(
    name="monitoring.jobs",
    columns=(
        Column("job", TEXT, "", "the pipeline's name"),
        Column("day", DATE, "UTC day", "of its end"),
        Column("run_id", TEXT, "", "of the runner: Kubeflow's, or the local one's"),
        Column("ended_at", STAMP, "UTC"),
        Column("outcome", TEXT, "", "succeeded or failed; unknown if the runner tells neither"),
        Column("as_of", DATE, "session label", "settled by its first step", nullable=True),
        Column("exit_code", COUNT, "", "of the step that failed; 0 if it succeeded", nullable=True),
        Column("detail", TEXT, "", "the error in words; empty if it succeeded"),
    ),
    key=("job", "day", "run_id"),
    partition_symbol="job",
    partition_date="day",
)
"""The outcome of every pipeline run; the one table that tells the time of day."""

TABLES = {one.name: one for one in list(globals().values()) if isinstance(one, Table)}
"""Every table of this module by its name; `volcast.features.catalog` has features_daily."""
