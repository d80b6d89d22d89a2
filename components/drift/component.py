"""Hold the newest sessions against the champion's training rows."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("drift"), install_kfp_package=False)
def drift(store: str, as_of: str, universe: str) -> str:
    """Return the state: ok, regime-shift, drift, data-fault or not-run, which is no failure."""
    from volcast.steps import step

    with step("drift", store) as found:
        import json
        from datetime import date

        from volcast.monitoring.drift import drift_python, launch
        from volcast.store import Store

        # This image has no pydantic 2 to read a universe with.
        symbol = json.loads(universe)["target"]
        verdict = launch(Store.open(store), symbol, date.fromisoformat(as_of), drift_python())
        found.update(state=verdict.state, alert=verdict.alert, notes=[verdict.detail])
    return verdict.state
