"""monitoring.drift_daily: the evidence on drift for each subject and test, and the verdict."""

from volcast.store.schema import BOOL, COUNT, DATE, FLOAT, TEXT, Column, Table

__all__ = ["MONITORING_DRIFT_DAILY"]

MONITORING_DRIFT_DAILY = Table(
    name="monitoring.drift_daily",
    columns=(
        Column("symbol", TEXT, "", ""),
        Column("session", DATE, "session label", "last session of the window"),
        Column(
            "subject",
            TEXT,
            "",
            "a feature, rv_5d (target), rv_5d_hat (forecast), regime, or verdict",
        ),
        Column(
            "test", TEXT, "", "ks_level, ks_given_vix, ks_scale, cvm_level, ..., psi, chi2, missing"
        ),
        Column("window", COUNT, "sessions", "asked for; 0 in the verdict"),
        Column("n", COUNT, "sessions", "values tested"),
        Column("reference_n", COUNT, "sessions", "values tested against"),
        Column("statistic", FLOAT, "the test's own", "", nullable=True),
        Column(
            "threshold", FLOAT, "the test's own", "calibrated: passed where exceeded", nullable=True
        ),
        Column("fired", BOOL, "", "statistic over threshold; in the verdict: state is not ok"),
        Column(
            "state",
            TEXT,
            "",
            "of the verdict: ok, regime-shift, drift, data-fault, not-run",
            nullable=True,
        ),
        Column("alert", BOOL, "", "of the verdict: this session opens an alert; a cause opens one"),
        Column(
            "model_version",
            TEXT,
            "",
            "champion whose training rows are the reference",
            nullable=True,
        ),
        Column("reference_sha256", TEXT, "sha256", "of those rows", nullable=True),
        Column("detail", TEXT, "", "in words"),
    ),
    key=("symbol", "session", "subject", "test", "window"),
)
