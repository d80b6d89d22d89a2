"""Judge the features before anything is forecast from them."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("audit_features"), install_kfp_package=False)
def audit_features(store: str, as_of: str, universe: str, checks: dsl.Output[dsl.HTML]) -> None:
    """Leave by exit code 10 when a feature cannot be true; ``checks`` is a page of all checks."""
    from volcast.steps import step

    with step("audit_features", store) as found:
        from datetime import date
        from pathlib import Path

        from volcast.core.settings import Universe
        from volcast.data.checks import audit_features as audit
        from volcast.store import Store

        report = audit(
            Store.open(store),
            Universe.model_validate_json(universe),
            date.fromisoformat(as_of),
            Path(checks.path),
        )
        found.update(checks=report.checks, notes=report.warnings)
