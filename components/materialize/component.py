"""Put the newest features into the online store."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("materialize"), install_kfp_package=False)
def materialize(store: str, as_of: str, universe: str) -> None:
    """Leave by exit code 40 when the target's newest features are of an earlier session."""
    from volcast.steps import step

    with step("materialize", store) as found:
        from datetime import date

        from volcast.core.applications import load
        from volcast.core.settings import Universe, read_settings

        target = Universe.model_validate_json(universe).target
        online = load("feature_repo.online")
        stamps = online.materialize(
            store, date.fromisoformat(as_of), expect=[target], online=read_settings().online_store
        )
        found.update(symbols=len(stamps), newest=stamps[target])
