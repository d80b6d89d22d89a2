"""Forecast with the champion; the rows are staged, not yet published."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("infer"), install_kfp_package=False)
def infer(store: str, as_of: str, universe: str, staged: dsl.Output[dsl.Dataset]) -> None:
    """Write the forecast of ``as_of`` to the artifact ``staged``."""
    from volcast.steps import step

    with step("infer") as found:
        from datetime import date

        import pyarrow.parquet as pq

        from volcast.config import Universe
        from volcast.inference import infer as forecast
        from volcast.storage import Store

        rows = forecast(
            Store.open(store), Universe.model_validate_json(universe), date.fromisoformat(as_of)
        )
        pq.write_table(rows, staged.path)
        found.update(rows=len(rows))
