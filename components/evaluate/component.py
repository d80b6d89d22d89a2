"""Walk forward on one symbol, with every baseline on the same rows; no model is promoted."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def evaluate(  # noqa: PLR0913, PLR0917
    store: str,
    as_of: str,
    universe: str,
    target: str,
    ablation: bool,
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> str:
    """Return the symbol; its evaluation lies in the store under ``evaluations/<symbol>/``."""
    from volcast.steps import step

    with step("evaluate", store) as found:
        from datetime import date
        from pathlib import Path

        from volcast.core.settings import Universe, read_settings
        from volcast.evaluation.study import study
        from volcast.store import Store

        chosen = Universe.model_validate_json(universe).model_copy(update={"target": target})
        opened = Store.open(store)
        skill = study(
            opened, chosen, date.fromisoformat(as_of), seed=read_settings().seed, ablation=ablation
        )
        for line in skill.lines:
            metrics.log_metric(f"qlike_{line.name}", line.qlike)
        page = opened.objects.get(f"evaluations/{target}/report.html")
        Path(report.path).write_bytes(page)
        found.update(symbol=target, sessions=skill.rows, saved=f"{skill.line('har_rv').gain:.1%}")
    return target
