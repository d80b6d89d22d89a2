"""labels_daily: the realized volatility that a session's forecast is judged by."""

from volcast.store.schema import DATE, FLOAT, STAMP, TEXT, Column, Table

__all__ = ["LABELS_DAILY"]

LABELS_DAILY = Table(
    name="labels_daily",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", "the session at whose close the forecast is made"),
        Column(
            "rv_5d", FLOAT, "annualised, decimal", "sqrt(252/5 * sum r^2) over the next 5 sessions"
        ),
        Column("label_end_session", DATE, "session label", "the fifth session after"),
        Column("event_timestamp", STAMP, "UTC", "close of label_end_session: when it is known"),
    ),
    key=("symbol", "session"),
)
