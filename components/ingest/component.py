"""Fetch market and macro rows into the store, and settle the session the run is for."""

from typing import NamedTuple

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("ingest"), install_kfp_package=False)
def ingest(
    store: str,
    source: str,
    source_path: str,
    as_of: str,
    universe: str,
    also: list[str] = [],  # noqa: B006
) -> NamedTuple("Ingested", [("as_of", str), ("universe", str)]):  # type: ignore[valid-type]  # fmt: skip
    """Fetch rows up to ``as_of``; empty: the last closed session, settled here and passed on.

    The symbols of ``also`` are fetched beside those of the universe.
    """
    from volcast.steps import step

    with step("ingest", store) as found:
        from datetime import UTC, datetime

        from volcast.core.logs import run_id
        from volcast.core.settings import read_settings
        from volcast.data.ingest import ingest as fetch
        from volcast.data.sources import open_source
        from volcast.monitoring.jobs import note_as_of
        from volcast.store import Store
        from volcast.store.universe import remember

        settings = read_settings(
            store=store,
            source=source,
            source_path=source_path or None,
            as_of=as_of or None,
            universe=universe or None,
        )
        chosen = settings.resolved_universe
        opened = Store.open(store)
        report = fetch(
            opened,
            open_source(settings),
            chosen,
            now=datetime.now(UTC),
            as_of=settings.as_of,
            also=also,
        )
        remember(opened, chosen)
        note_as_of(opened, run_id(), report.as_of)
        found.update(as_of=report.as_of, added=report.added, restated=report.restated)
        drops = [f"dropped {count}: {reason}" for reason, count in report.dropped.items()]
        found.update(notes=[*drops, *report.notes])
    return report.as_of.isoformat(), chosen.model_dump_json()
