"""Compare a candidate by its walk-forward forecasts."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("gate"), install_kfp_package=False)
def gate(store: str, run_id: str) -> bool:
    """Return whether the run may become champion; a refusal is an answer, not a failure."""
    from volcast.steps import step

    with step("gate", store) as found:
        from volcast.store import Store
        from volcast.training.gate import evaluate_candidate

        decision = evaluate_candidate(Store.open(store), run_id)
        found.update(passed=decision.passed, kind=decision.kind, reasons=list(decision.reasons))
    return decision.passed
