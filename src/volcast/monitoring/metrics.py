"""The catalogue of every metric, as data: what it is called, what it counts, and who shows it.

Processes make their metrics from here, the documentation is generated from it, and alerts and
dashboards are checked against it. Units are base units (seconds, ratios, Unix time); volatilities
are annualised decimals. Labels take few values: symbols of the store, names of this code.

``pipeline`` labels what Prometheus would call a job: ``job`` is the label that it gives each target
itself, and it would rename ours.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["METRICS", "PROMETHEUS_OWN", "Kind", "Metric", "Where"]

Kind = Literal["counter", "gauge", "histogram", "info"]
Where = Literal["server", "exporter", "brief"]

PROMETHEUS_OWN = frozenset({"up", "ALERTS"})
"""Series that Prometheus makes itself, which rules and dashboards may use too."""


@dataclass(frozen=True)
class Metric:
    """One metric, by the name in queries, and in ``where`` the process that shows it.

    The name has the ``_total`` of a counter and the ``_info`` of an info, not the ``_bucket`` of a
    histogram, whose ``buckets`` are upper bounds in its unit.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    where: Where
    buckets: tuple[float, ...] = ()

    @property
    def kind(self) -> Kind:
        """By the name's ending, which Prometheus prescribes; a histogram has buckets."""
        if self.buckets:
            return "histogram"
        if self.name.endswith("_total"):
            return "counter"
        return "info" if self.name.endswith("_info") else "gauge"


_BUCKETS = {
    "volcast_http_request_seconds":
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    "volcast_brief_answer_seconds": (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0),
}  # fmt: skip

_METRICS: dict[Where, dict[str, tuple[str, str]]] = {
    "server": {
        "volcast_http_requests_total": ("route method status", "Requests answered."),
        "volcast_http_request_seconds": ("route status", "Time to answer a request."),
        "volcast_feature_age_sessions":
            ("symbol", "Sessions between the online store's newest features and the clock; NaN "
             "without features."),
        "volcast_features_stale":
            ("symbol", "1 if the newest features are not of the clock's session."),
        "volcast_online_store_up": ("", "1 if the online store answered the last look-up, else 0."),
        "volcast_online_store_errors_total": ("", "Look-ups that the online store did not answer."),
        "volcast_follow_errors_total":
            ("", "Reads of the store or the online store, between requests, that failed; what was "
             "served before stays."),
        "volcast_follow_timestamp_seconds":
            ("", "When the server last read champion, sessions and features without a failure."),
        "volcast_http_requests_under_way": ("", "Requests taken and not yet answered."),
        "volcast_http_requests_turned_away_total":
            ("", "Requests refused because too many were under way."),
        "volcast_model_info": ("version sha256 run_id", "The version in service."),
        "volcast_model_ready": ("", "1 if a verified champion is in service."),
        "volcast_model_swaps_total": ("", "Champions taken into service."),
        "volcast_model_refused_total": ("", "Champions refused by their checks."),
    },
    "exporter": {
        "volcast_store_readable":
            ("", "1 if the last reading of the store was whole and recent, else 0."),
        "volcast_table_readable":
            ("table", "1 if the table could be read; what rests on one that could not is not "
             "shown."),
        "volcast_store_read_timestamp_seconds": ("", "When the store was last read whole."),
        "volcast_store_read_seconds": ("", "Time that the last reading took."),
        "volcast_source_live":
            ("symbol", "1 if the symbol's newest row is of a source that goes on, 0 if of an "
             "archive."),
        "volcast_data_newest_session_timestamp_seconds":
            ("table symbol", "Close of the newest session in the table."),
        "volcast_data_due_timestamp_seconds":
            ("table symbol", "When the next session's row must be in the table: at 08:00 in New "
             "York on the session after it."),
        "volcast_forecast_session_timestamp_seconds":
            ("symbol", "Close of the session of the newest champion's forecast."),
        "volcast_forecast_due_timestamp_seconds":
            ("symbol", "When the next session's forecast must be published: at 08:00 in New York "
             "on the session after it."),
        "volcast_forecast_volatility_ratio":
            ("symbol bound", "Newest champion's forecast, annualised: hat, and the bounds lo80, "
             "hi80, lo95, hi95."),
        "volcast_forecast_baseline_ratio":
            ("symbol baseline", "Baseline next to that forecast, annualised: har or vix."),
        "volcast_forecast_regime_ratio":
            ("symbol regime", "Probability of each regime at that forecast."),
        "volcast_champion_info":
            ("version sha256 run_id as_of target", "The version that the champion's pointer "
             "names."),
        "volcast_champion_age_sessions":
            ("symbol", "Sessions from the newest that the champion was trained on to the newest "
             "forecast's."),
        "volcast_quality_session_timestamp_seconds":
            ("symbol suite", "Close of the session that the suite was last run for."),
        "volcast_quality_checks_failed":
            ("symbol suite severity", "Checks that failed in the suite's last run."),
        "volcast_quarantined_rows":
            ("symbol", "Rows kept out of curated data, of the newest two calendar years that have "
             "any."),
        "volcast_drift_session_timestamp_seconds":
            ("symbol", "Close of the session that drift was last judged for."),
        "volcast_drift_state": ("symbol state", "1 for the verdict's state, 0 for the others."),
        "volcast_drift_alert": ("symbol", "1 if that session opened an alert."),
        "volcast_drift_subjects_fired":
            ("symbol", "Features, target, forecast or regime with a test over its threshold."),
        "volcast_drift_subject_fired":
            ("symbol subject", "Tests of one subject over their thresholds."),
        "volcast_performance_session_timestamp_seconds":
            ("symbol", "Close of the session that the track record was last judged for."),
        "volcast_performance_state":
            ("symbol state", "1 for the state of the latest forecasts against those before, 0 for "
             "the others."),
        "volcast_performance_forecasts": ("symbol window", "Forecasts scored."),
        "volcast_performance_qlike":
            ("symbol forecast window", "Mean QLIKE of volcast, har or vix over the recent "
             "forecasts or those before."),
        "volcast_performance_rmse_ratio":
            ("symbol window", "Root mean squared error of the volatility, annualised."),
        "volcast_performance_probability_ratio":
            ("symbol direction", "p of the test that the recent forecasts are worse, or better."),
        "volcast_interval_coverage_ratio":
            ("symbol interval window", "Share of outcomes inside the 80 or 95 % interval."),
        "volcast_interval_coverage_probability_ratio":
            ("symbol interval", "Two-sided p of the recent coverage, were the interval right."),
        "volcast_retrain_needed":
            ("symbol", "1 if the newest decision found drift or worse error."),
        "volcast_retrain_session_timestamp_seconds":
            ("symbol", "Close of the newest session whose decision was to train."),
        "volcast_job_last_success_timestamp_seconds":
            ("pipeline", "End of the pipeline's last run that succeeded."),
        "volcast_job_last_end_timestamp_seconds": ("pipeline", "End of the pipeline's last run."),
        "volcast_job_last_outcome":
            ("pipeline", "1 if the pipeline's last run succeeded, 0 if it failed, NaN if nobody "
             "knows."),
    },
    "brief": {
        "volcast_brief_questions_total":
            ("outcome", "Questions taken: answered, not_in_sources, refused or failed."),
        "volcast_brief_answer_seconds": ("", "Time to answer a question."),
        "volcast_brief_passages": ("source", "Passages of documents, and documents unread."),
        "volcast_brief_read_timestamp_seconds": ("", "When the sources were last read whole."),
    },
}  # fmt: skip
"""Labels, divided by spaces, and help, by name and by the process that shows the metric."""

METRICS = {
    name: Metric(name, text, tuple(labels.split()), where, _BUCKETS.get(name, ()))
    for where, metrics in _METRICS.items()
    for name, (labels, text) in metrics.items()
}
"""Every metric there is, by name."""
