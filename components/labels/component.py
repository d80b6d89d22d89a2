"""Compute the labels of every session whose next five are known."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("labels"), install_kfp_package=False)
def labels(store: str, as_of: str, universe: str) -> None:
    """Write labels_daily as known at the close of ``as_of``."""
    from volcast.steps import step

    with step("labels", store) as found:
        from datetime import date

        from volcast.core.settings import Universe
        from volcast.features.labels import build
        from volcast.store import Store

        report = build(
            Store.open(store), Universe.model_validate_json(universe), date.fromisoformat(as_of)
        )
        found.update(added=report.added, replaced=report.replaced, unchanged=report.unchanged)
