"""The steps of the image ``data``: rows, features, labels, audits and the online store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq

from volcast.core import calendar
from volcast.core.applications import load
from volcast.core.logs import run_id
from volcast.core.settings import SourceName, Universe, read_settings
from volcast.data import validate as validation
from volcast.features import audit as feature_audit
from volcast.features import build
from volcast.features import labels as label_table
from volcast.features.events import covered_until
from volcast.inference import audit as forecast_audit
from volcast.monitoring.jobs import note_as_of
from volcast.steps.calls import Result, counts
from volcast.store import Store
from volcast.store.universe import universe_of

__all__ = [
    "audit_features",
    "audit_predictions",
    "features",
    "ingest",
    "labels",
    "materialize",
    "validate",
]


def ingest(  # noqa: PLR0913, PLR0917
    store: Store, source: SourceName, source_path: str, as_of: str, universe: str,
    also: Sequence[str] = (), switch_target: bool = False,
) -> Result:  # fmt: skip
    """Fetch market and macro rows, and settle the session and the universe of the run.

    Parameters
    ----------
    source_path : str
        Folder of the csv source; empty: of the settings.
    as_of : str
        ISO date; empty: the last closed session, or the newest one of an archive.
    universe : str
        JSON; empty: the store's, or the source's own in an empty store.
    also : list of str
        Symbols to fetch in addition to those of the universe.
    switch_target : bool
        Whether the universe may have another target than the store.
    """
    from volcast.data import ingest as ingestion
    from volcast.data.sources import open_source

    texts = {"source_path": source_path, "as_of": as_of, "universe": universe}
    settings = read_settings(
        store=store.uri, source=source, **{name: text or None for name, text in texts.items()}
    )
    chosen = universe_of(store, settings)
    report = ingestion.ingest(
        store, open_source(settings), chosen, now=datetime.now(UTC), as_of=settings.as_of,
        also=also, switch_target=switch_target,
    )  # fmt: skip
    note_as_of(store, run_id(), report.as_of)
    drops = [f"dropped {count}: {reason}" for reason, count in report.dropped.items()]
    facts = {"as_of": report.as_of, "added": report.added, "restated": report.restated}
    return Result(
        facts | {"notes": [*drops, *report.notes], "warnings": report.warnings},
        (report.as_of.isoformat(), chosen.model_dump_json()),
    )


def validate(store: Store, as_of: date, universe: Universe, checks: Path | None = None) -> Result:
    """Curate the raw rows, quarantine broken ones, and write a page of all checks."""
    report = validation.validate(store, universe, as_of, checks)
    drops = [f"dropped {count}: {reason}" for reason, count in report.dropped.items()]
    rows = [f"quarantined {example}" for example in report.examples]
    facts = {"rows": report.rows, "quarantined": report.quarantined, "checks": report.checks}
    return Result(facts | {"notes": drops, "warnings": [*rows, *report.warnings]})


def features(store: Store, as_of: date, universe: Universe) -> Result:
    """Write features_daily up to ``as_of``; the same rows again change nothing."""
    result = counts(build.build(store, universe, as_of))
    if calendar.after(as_of, calendar.HORIZON) <= covered_until():
        return result
    ends = {"as_of": as_of, "covered_until": covered_until()}
    return replace(result, events={"events_unknown": ends})


def labels(store: Store, as_of: date, universe: Universe) -> Result:
    """Write labels_daily as known at the close of ``as_of``."""
    return counts(label_table.build(store, universe, as_of))


def audit_features(
    store: Store, as_of: date, universe: Universe, checks: Path | None = None
) -> Result:
    """Fail when a feature cannot be true."""
    report = feature_audit.audit_features(store, universe, as_of, checks)
    return Result({"checks": report.checks, "warnings": report.warnings})


def audit_predictions(
    store: Store, as_of: date, universe: Universe, staged: Path, checks: Path | None = None
) -> Result:
    """Fail when a staged forecast cannot be true."""
    rows = pq.read_table(staged)
    report = forecast_audit.audit_predictions(store, universe, as_of, rows, checks)
    return Result({"checks": report.checks, "warnings": report.warnings})


def materialize(store: Store, as_of: date, universe: Universe) -> Result:
    """Put the newest features into the online store; fail when the target's are older."""
    stamps = load("feature_repo.online").materialize(
        store.uri, as_of, expect=[universe.target], online=read_settings().online_store
    )
    return Result({"symbols": len(stamps), "newest": stamps[universe.target]})
