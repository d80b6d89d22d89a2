"""Judge the staged forecast before it is published."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("audit_predictions"), install_kfp_package=False)
def audit_predictions(
    store: str,
    as_of: str,
    universe: str,
    staged: dsl.Input[dsl.Dataset],
    checks: dsl.Output[dsl.HTML],
) -> None:
    """Leave by exit code 10 when a forecast cannot be true; ``checks`` is a page of all checks."""
    from volcast.steps import step

    with step("audit_predictions", store) as found:
        from datetime import date
        from pathlib import Path

        import pyarrow.parquet as pq

        from volcast.core.settings import Universe
        from volcast.data.checks import audit_predictions as audit
        from volcast.store import Store

        report = audit(
            Store.open(store),
            Universe.model_validate_json(universe),
            date.fromisoformat(as_of),
            pq.read_table(staged.path),
            Path(checks.path),
        )
        found.update(checks=report.checks, notes=report.warnings)
