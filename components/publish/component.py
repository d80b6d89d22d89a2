"""Publish the staged forecast: only now does a reader see it."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("publish"), install_kfp_package=False)
def publish(store: str, staged: dsl.Input[dsl.Dataset]) -> None:
    """Write the staged rows to predictions_daily; the same rows again change nothing."""
    from volcast.steps import step

    with step("publish", store) as found:
        import pyarrow.parquet as pq

        from volcast.inference.forecast import publish as write
        from volcast.store import Store

        report = write(Store.open(store), pq.read_table(staged.path))
        found.update(added=report.added, replaced=report.replaced, unchanged=report.unchanged)
