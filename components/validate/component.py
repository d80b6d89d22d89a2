"""Curate the raw rows and validate them; a broken table stops the run."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("validate"), install_kfp_package=False)
def validate(store: str, as_of: str, universe: str, checks: dsl.Output[dsl.HTML]) -> None:
    """Quarantine broken rows; leave by exit code 10 when the newest session cannot be trusted.

    The artifact ``checks`` is a page of all checks.
    """
    from volcast.steps import step

    with step("validate", store) as found:
        from datetime import date
        from pathlib import Path

        from volcast.core.settings import Universe
        from volcast.data.checks import validate as check
        from volcast.store import Store

        report = check(
            Store.open(store),
            Universe.model_validate_json(universe),
            date.fromisoformat(as_of),
            Path(checks.path),
        )
        found.update(rows=report.rows, quarantined=report.quarantined, checks=report.checks)
        kept_out = [f"quarantined {example}" for example in report.examples]
        found.update(notes=[*kept_out, *report.warnings])
