"""monitoring.performance: the latest scored forecasts against those before, one row a session."""

from volcast.store.schema import COUNT, DATE, FLOAT, TEXT, Column, Table

__all__ = ["MONITORING_PERFORMANCE"]

MONITORING_PERFORMANCE = Table(
    name="monitoring.performance",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", "as_of of the check"),
        Column("state", TEXT, "", "better, worse, same or too-few"),
        Column("recent_n", COUNT, "forecasts", "the latest, up to 20"),
        Column("before_n", COUNT, "forecasts", "those before, up to 252"),
        Column("recent_to", DATE, "session label", "newest forecast scored", nullable=True),
        Column("recent_qlike", FLOAT, "", "", nullable=True),
        Column("before_qlike", FLOAT, "", "", nullable=True),
        Column("recent_qlike_har", FLOAT, "", "", nullable=True),
        Column("before_qlike_har", FLOAT, "", "", nullable=True),
        Column("recent_qlike_vix", FLOAT, "", "", nullable=True),
        Column("before_qlike_vix", FLOAT, "", "", nullable=True),
        Column("recent_rmse_points", FLOAT, "volatility points", "", nullable=True),
        Column("before_rmse_points", FLOAT, "volatility points", "", nullable=True),
        Column("recent_coverage_80", FLOAT, "ratio", "", nullable=True),
        Column("before_coverage_80", FLOAT, "ratio", "", nullable=True),
        Column("recent_coverage_95", FLOAT, "ratio", "", nullable=True),
        Column("before_coverage_95", FLOAT, "ratio", "", nullable=True),
        Column(
            "p_worse", FLOAT, "probability", "small if worse against the reference", nullable=True
        ),
        Column("p_better", FLOAT, "probability", "small if better", nullable=True),
        Column("p_coverage_80", FLOAT, "probability", "two-sided, of 80 % coverage", nullable=True),
        Column("p_coverage_95", FLOAT, "probability", "two-sided, of 95 % coverage", nullable=True),
        Column("detail", TEXT, "", "in words"),
        Column("reference", TEXT, "", "baseline that both p-values are against", nullable=True),
        Column("recent_qlike_reference", FLOAT, "", "", nullable=True),
        Column("before_qlike_reference", FLOAT, "", "", nullable=True),
    ),
    key=("symbol", "session"),
)
