"""Register a run that passed the gate, and make it champion."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("promote"), install_kfp_package=False)
def promote(store: str, run_id: str) -> str:
    """Return the champion's version; the same files again are the same version."""
    from volcast.steps import step

    with step("promote", store) as found:
        from datetime import UTC, datetime

        from volcast import registry
        from volcast.registry.run_files import read_decision
        from volcast.store import Store

        opened = Store.open(store)
        decision = read_decision(opened, run_id)
        rules = f": {decision.kind}" if decision else ""
        version = registry.register(opened, run_id)
        registry.promote(
            opened,
            version.version,
            who="train pipeline",
            why=f"run {run_id[:12]} passed the gate{rules}",
            when=datetime.now(UTC),
        )
        found.update(version=version.version)
    return version.version
