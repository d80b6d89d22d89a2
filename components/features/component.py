"""Compute the features of every curated row."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("features"), install_kfp_package=False)
def features(store: str, as_of: str, universe: str) -> None:
    """Write features_daily up to ``as_of``; the same rows again change nothing."""
    from volcast.steps import step

    with step("features", store) as found:
        from datetime import date

        from volcast.core.settings import Universe
        from volcast.features.build import build
        from volcast.store import Store

        report = build(
            Store.open(store), Universe.model_validate_json(universe), date.fromisoformat(as_of)
        )
        found.update(added=report.added, replaced=report.replaced, unchanged=report.unchanged)
