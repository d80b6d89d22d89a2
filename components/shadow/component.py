"""Let a new recipe that the gate calls unproven forecast next to the champion."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("shadow"), install_kfp_package=False)
def shadow(store: str, run_id: str) -> str:
    """Return the challenger's version; empty where the run was refused for another reason."""
    from volcast.steps import step

    with step("shadow", store) as found:
        from datetime import UTC, datetime

        from volcast.store import Store
        from volcast.training.shadow import take_as_challenger

        version = take_as_challenger(
            Store.open(store), run_id, who="train pipeline", when=datetime.now(UTC)
        )
        number = "" if version is None else version.version
        found.update(challenger=number or "none")
    return number
