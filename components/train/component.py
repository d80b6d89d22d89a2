"""Train a candidate on the features that Feast says were known, and evaluate it walk-forward."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("train"), install_kfp_package=False)
def train(
    store: str,
    as_of: str,
    universe: str,
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> str:
    """Return the run's id; its files lie in the store under ``runs/<run_id>/``."""
    from volcast.steps import step

    with step("train", store) as found:
        from datetime import date
        from pathlib import Path

        from volcast.core.applications import load
        from volcast.core.settings import Universe, read_settings
        from volcast.store import Store
        from volcast.training.train import train as fit

        chosen, last = Universe.model_validate_json(universe), date.fromisoformat(as_of)
        opened = Store.open(store)

        def read():  # type: ignore[no-untyped-def]
            return load("feature_repo.historical").training_frame(store, chosen.target, last)

        candidate = fit(opened, chosen, last, read, seed=read_settings().seed)
        for line in candidate.metrics.all.lines:
            metrics.log_metric(f"qlike_{line.name}", line.qlike)
        page = opened.objects.get(f"{candidate.folder}report.html")
        Path(report.path).write_bytes(page)
        found.update(run_id=candidate.run_id[:12], reused=candidate.reused)
    return candidate.run_id
