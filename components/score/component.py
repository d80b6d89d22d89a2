"""Score the forecasts whose outcome is known, and hold the latest against those before."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("score"), install_kfp_package=False)
def score(store: str, as_of: str, universe: str) -> None:
    """Write monitoring.realized_error and monitoring.performance for ``as_of``."""
    from volcast.steps import step

    with step("score", store) as found:
        from datetime import date

        from volcast.core.settings import Universe
        from volcast.monitoring.score import performance
        from volcast.monitoring.score import score as write
        from volcast.store import Store

        opened, chosen = Store.open(store), Universe.model_validate_json(universe)
        session = date.fromisoformat(as_of)
        report = write(opened, chosen, session)
        held = performance(opened, chosen, session)
        found.update(scored=report.added, state=held["state"])
