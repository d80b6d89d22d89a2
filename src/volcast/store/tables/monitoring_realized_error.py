"""monitoring.realized_error: each published forecast scored once its outcome is known."""

from volcast.store.schema import BOOL, DATE, FLOAT, TEXT, Column, Table

__all__ = ["MONITORING_REALIZED_ERROR"]

MONITORING_REALIZED_ERROR = Table(
    name="monitoring.realized_error",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", "the forecast was made at its close"),
        Column("model_version", TEXT, "", ""),
        Column("role", TEXT, "", "champion or challenger"),
        Column("label_end_session", DATE, "session label", "at whose close the outcome was known"),
        Column("rv_5d", FLOAT, "annualised, decimal", "realized"),
        Column("rv_5d_hat", FLOAT, "annualised, decimal", "forecast"),
        Column("qlike", FLOAT, "", "of the variance forecast"),
        Column("qlike_har", FLOAT, "", "of baseline har_rv, the same row", nullable=True),
        Column("qlike_vix", FLOAT, "", "of VIX itself, the same row", nullable=True),
        Column("error_points", FLOAT, "volatility points", "forecast less realized"),
        Column("inside_80", BOOL, "", "realized lies in the 80 % interval"),
        Column("inside_95", BOOL, "", ""),
        Column("qlike_log_har", FLOAT, "", "of baseline log_har, the same row", nullable=True),
        Column("qlike_har_x", FLOAT, "", "of baseline har_x, the same row", nullable=True),
    ),
    key=("symbol", "session", "model_version"),
)
