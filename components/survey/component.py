"""Lay the evaluations of several symbols side by side on one page."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("survey"), install_kfp_package=False)
def survey(
    store: str, symbols: list[str], metrics: dsl.Output[dsl.Metrics], report: dsl.Output[dsl.HTML]
) -> None:
    """Write the page to the artifact and to ``evaluations/survey.html`` in the store."""
    from volcast.steps import step

    with step("survey", store) as found:
        from pathlib import Path

        from volcast.evaluation.study import survey as lay
        from volcast.store import Store

        opened = Store.open(store)
        for symbol, skill in lay(opened, symbols).items():
            metrics.log_metric(f"saved_of_har_rv_{symbol}", skill.line("har_rv").gain)
        Path(report.path).write_bytes(opened.objects.get("evaluations/survey.html"))
        found.update(symbols=" ".join(symbols), page=f"{opened.uri}/evaluations/survey.html")
