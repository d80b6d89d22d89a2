"""The catalogue of every metric, as data: what it is called, what it counts, and who shows it.

Whoever shows metrics makes them from here, and the table of ``docs/metrics.md``, the alerts and the
dashboards are checked against it. Units are base units (seconds, ratios, Unix time); volatilities
are annualised decimals. Labels take few values: symbols of the store, names of this code.

``pipeline`` labels what Prometheus would call a job: ``job`` is the label that it gives each target
itself, and it would rename ours.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["METRICS", "PROMETHEUS_OWN", "Kind", "Metric", "Where", "named"]

Kind = Literal["counter", "gauge", "histogram", "info"]
Where = Literal["server", "exporter", "brief"]

PROMETHEUS_OWN = frozenset({"up", "ALERTS"})
"""Series that Prometheus makes itself, which rules and dashboards may use too."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Parameters
    ----------
    name : str
        As queries name it: of a counter with ``_total``, of an info with ``_info``, of a histogram
        without ``_bucket``, ``_sum`` and ``_count``.
    kind : {"counter", "gauge", "histogram", "info"}
    help : str
    labels : tuple of str
    where : {"server", "exporter", "brief"}
        The process that shows it.
    buckets : tuple of float
        Upper bounds of a histogram, in its unit.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    where: Where
    buckets: tuple[float, ...] = ()


_SERVER = (
    Metric(
        "volcast_http_requests_total", "counter", "Requests answered.",
        ("route", "method", "status"), "server",
    ),
    Metric(
        "volcast_http_request_seconds", "histogram", "Time to answer a request.",
        ("route", "status"), "server",
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    ),
    Metric(
        "volcast_feature_age_sessions", "gauge",
        "Sessions between the online store's newest features and the clock; NaN without features.",
        ("symbol",), "server",
    ),
    Metric(
        "volcast_features_stale", "gauge",
        "1 if the newest features are not of the clock's session.", ("symbol",), "server",
    ),
    Metric(
        "volcast_online_store_up", "gauge",
        "1 if the online store answered the last look-up, else 0.", (), "server",
    ),
    Metric(
        "volcast_online_store_errors_total", "counter",
        "Look-ups that the online store did not answer.", (), "server",
    ),
    Metric(
        "volcast_http_requests_under_way", "gauge", "Requests taken and not yet answered.",
        (), "server",
    ),
    Metric(
        "volcast_http_requests_turned_away_total", "counter",
        "Requests refused because too many were under way.", (), "server",
    ),
    Metric(
        "volcast_model_info", "info", "The version in service.",
        ("version", "sha256", "run_id"), "server",
    ),
    Metric(
        "volcast_model_ready", "gauge", "1 if a verified champion is in service.", (), "server",
    ),
    Metric(
        "volcast_model_swaps_total", "counter", "Champions taken into service.", (), "server",
    ),
    Metric(
        "volcast_model_refused_total", "counter", "Champions refused by their checks.",
        (), "server",
    ),
)  # fmt: skip

_EXPORTER = (
    Metric(
        "volcast_store_readable", "gauge",
        "1 if the last reading of the store was whole and recent, else 0.", (), "exporter",
    ),
    Metric(
        "volcast_table_readable", "gauge",
        "1 if the table could be read; what rests on one that could not is not shown.",
        ("table",), "exporter",
    ),
    Metric(
        "volcast_store_read_timestamp_seconds", "gauge",
        "When the store was last read whole.", (), "exporter",
    ),
    Metric(
        "volcast_store_read_seconds", "gauge", "Time that the last reading took.", (), "exporter",
    ),
    Metric(
        "volcast_source_live", "gauge",
        "1 if the symbol's newest row is of a source that goes on, 0 if of an archive.",
        ("symbol",), "exporter",
    ),
    Metric(
        "volcast_data_newest_session_timestamp_seconds", "gauge",
        "Close of the newest session in the table.", ("table", "symbol"), "exporter",
    ),
    Metric(
        "volcast_data_due_timestamp_seconds", "gauge",
        "When the next session's row must be in the table: at 08:00 in New York on the "
        "session after it.",
        ("table", "symbol"), "exporter",
    ),
    Metric(
        "volcast_forecast_session_timestamp_seconds", "gauge",
        "Close of the session of the newest champion's forecast.", ("symbol",), "exporter",
    ),
    Metric(
        "volcast_forecast_due_timestamp_seconds", "gauge",
        "When the next session's forecast must be published: at 08:00 in New York on the session "
        "after it.",
        ("symbol",), "exporter",
    ),
    Metric(
        "volcast_forecast_volatility_ratio", "gauge",
        "Newest champion's forecast, annualised: hat, and the bounds lo80, hi80, lo95, hi95.",
        ("symbol", "bound"), "exporter",
    ),
    Metric(
        "volcast_forecast_baseline_ratio", "gauge",
        "Baseline next to that forecast, annualised: har or vix.",
        ("symbol", "baseline"), "exporter",
    ),
    Metric(
        "volcast_forecast_regime_ratio", "gauge",
        "Probability of each regime at that forecast.", ("symbol", "regime"), "exporter",
    ),
    Metric(
        "volcast_champion_info", "info", "The version that the champion's pointer names.",
        ("version", "sha256", "run_id", "as_of", "target"), "exporter",
    ),
    Metric(
        "volcast_champion_age_sessions", "gauge",
        "Sessions from the newest that the champion was trained on to the newest forecast's.",
        ("symbol",), "exporter",
    ),
    Metric(
        "volcast_quality_session_timestamp_seconds", "gauge",
        "Close of the session that the suite was last run for.", ("symbol", "suite"), "exporter",
    ),
    Metric(
        "volcast_quality_checks_failed", "gauge",
        "Checks that failed in the suite's last run.",
        ("symbol", "suite", "severity"), "exporter",
    ),
    Metric(
        "volcast_quarantined_rows", "gauge",
        "Rows kept out of curated data, of the newest two calendar years that have any.",
        ("symbol",), "exporter",
    ),
    Metric(
        "volcast_drift_session_timestamp_seconds", "gauge",
        "Close of the session that drift was last judged for.", ("symbol",), "exporter",
    ),
    Metric(
        "volcast_drift_state", "gauge",
        "1 for the verdict's state, 0 for the others.", ("symbol", "state"), "exporter",
    ),
    Metric(
        "volcast_drift_alert", "gauge",
        "1 if that session opened an alert.", ("symbol",), "exporter",
    ),
    Metric(
        "volcast_drift_subjects_fired", "gauge",
        "Features, target, forecast or regime with a test over its threshold.",
        ("symbol",), "exporter",
    ),
    Metric(
        "volcast_drift_subject_fired", "gauge",
        "Tests of one subject over their thresholds.", ("symbol", "subject"), "exporter",
    ),
    Metric(
        "volcast_performance_session_timestamp_seconds", "gauge",
        "Close of the session that the track record was last judged for.",
        ("symbol",), "exporter",
    ),
    Metric(
        "volcast_performance_state", "gauge",
        "1 for the state of the latest forecasts against those before, 0 for the others.",
        ("symbol", "state"), "exporter",
    ),
    Metric(
        "volcast_performance_forecasts", "gauge", "Forecasts scored.",
        ("symbol", "window"), "exporter",
    ),
    Metric(
        "volcast_performance_qlike", "gauge",
        "Mean QLIKE of volcast, har or vix over the recent forecasts or those before.",
        ("symbol", "forecast", "window"), "exporter",
    ),
    Metric(
        "volcast_performance_rmse_ratio", "gauge",
        "Root mean squared error of the volatility, annualised.", ("symbol", "window"), "exporter",
    ),
    Metric(
        "volcast_performance_probability_ratio", "gauge",
        "p of the test that the recent forecasts are worse, or better.",
        ("symbol", "direction"), "exporter",
    ),
    Metric(
        "volcast_interval_coverage_ratio", "gauge",
        "Share of outcomes inside the 80 or 95 % interval.",
        ("symbol", "interval", "window"), "exporter",
    ),
    Metric(
        "volcast_interval_coverage_probability_ratio", "gauge",
        "Two-sided p of the recent coverage, were the interval right.",
        ("symbol", "interval"), "exporter",
    ),
    Metric(
        "volcast_retrain_needed", "gauge",
        "1 if the newest decision found drift or worse error.", ("symbol",), "exporter",
    ),
    Metric(
        "volcast_retrain_session_timestamp_seconds", "gauge",
        "Close of the newest session whose decision was to train.",
        ("symbol",), "exporter",
    ),
    Metric(
        "volcast_job_last_success_timestamp_seconds", "gauge",
        "End of the pipeline's last run that succeeded.", ("pipeline",), "exporter",
    ),
    Metric(
        "volcast_job_last_end_timestamp_seconds", "gauge",
        "End of the pipeline's last run.", ("pipeline",), "exporter",
    ),
    Metric(
        "volcast_job_last_outcome", "gauge",
        "1 if the pipeline's last run succeeded, 0 if it failed, NaN if nobody knows.",
        ("pipeline",), "exporter",
    ),
)  # fmt: skip

_BRIEF = (
    Metric(
        "volcast_brief_questions_total", "counter",
        "Questions taken: answered, not_in_sources, refused or failed.", ("outcome",), "brief",
    ),
    Metric(
        "volcast_brief_answer_seconds", "histogram", "Time to answer a question.", (), "brief",
        (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0),
    ),
    Metric(
        "volcast_brief_passages", "gauge",
        "Passages of documents, and documents unread.",
        ("source",), "brief",
    ),
    Metric(
        "volcast_brief_read_timestamp_seconds", "gauge",
        "When the sources were last read whole.", (), "brief",
    ),
)  # fmt: skip

METRICS: tuple[Metric, ...] = (*_SERVER, *_EXPORTER, *_BRIEF)
"""Every metric there is."""


def named(name: str) -> Metric:
    """Return the metric of that name.

    Raises
    ------
    KeyError
        If the catalogue has none: a fault of the code that asks.
    """
    return _BY_NAME[name]


_BY_NAME = {metric.name: metric for metric in METRICS}
