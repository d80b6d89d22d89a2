"""Judge a candidate by its walk-forward forecasts."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("gate"), install_kfp_package=False)
def gate(store: str, run_id: str) -> bool:
    """Return whether the run may become champion; a refusal is an answer, not a failure."""
    from volcast.steps import step

    with step("gate", store) as found:
        from volcast.store import Store
        from volcast.training.gate import judge

        verdict = judge(Store.open(store), run_id)
        found.update(passed=verdict.passed, kind=verdict.kind, reasons=verdict.reasons)
    return verdict.passed
