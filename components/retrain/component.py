"""Decide whether this session starts a new training run."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("retrain"), install_kfp_package=False)
def retrain(store: str, as_of: str, universe: str) -> bool:
    """Return whether to train; the same session is answered the same way again."""
    from volcast.steps import step

    with step("retrain", store) as found:
        from datetime import date

        from volcast.core.settings import Universe
        from volcast.monitoring.retrain import decide
        from volcast.store import Store

        decision = decide(
            Store.open(store), Universe.model_validate_json(universe), date.fromisoformat(as_of)
        )
        found.update(train=decision.train, reason=decision.reason)
    return decision.train
