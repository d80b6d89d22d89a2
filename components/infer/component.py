"""Forecast with champion and challenger; the rows are staged, not yet published."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("infer"), install_kfp_package=False)
def infer(store: str, as_of: str, universe: str, staged: dsl.Output[dsl.Dataset]) -> None:
    """Write the forecasts of ``as_of`` to the artifact ``staged``.

    A challenger that cannot forecast is left out, and said.
    """
    from volcast.steps import step

    with step("infer", store) as found:
        from datetime import date

        import pyarrow as pa
        import pyarrow.parquet as pq

        from volcast.core.settings import Universe
        from volcast.inference.forecast import infer as forecast
        from volcast.inference.forecast import shadow
        from volcast.store import Store

        opened, chosen = Store.open(store), Universe.model_validate_json(universe)
        session = date.fromisoformat(as_of)
        rows = forecast(opened, chosen, session)
        beside = shadow(opened, chosen, session, session)
        pq.write_table(pa.concat_tables([rows, beside.rows]), staged.path)
        found.update(rows=len(rows), challenger=beside.said or "none")
