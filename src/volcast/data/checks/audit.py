"""The audit steps: judge what the pipeline made, before the next step rests on it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from volcast.core.hashing import code_version, digest, table_digest
from volcast.core.settings import Universe
from volcast.data.checks.record import LIBRARIES, Known, keep, refuse_critical, told, write_page
from volcast.data.checks.suite import Outcome, Verdict
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, FEATURES_DAILY, PREDICTIONS_DAILY

__all__ = ["AuditReport", "audit_features", "audit_predictions"]

_REMEDY = "Nothing was published from these rows; mend what made them, and run it again."
_CODE = ("data/checks/*.py", "features/catalog.py")


@dataclass(frozen=True)
class AuditReport:
    """What an audit that stopped nothing found.

    Parameters
    ----------
    checks : int
        Checks evaluated; each has a row in monitoring.quality.
    warnings : list of str
        Those that failed.
    """

    checks: int
    warnings: list[str]


def audit_features(
    store: Store, universe: Universe, as_of: date, page: Path | None = None
) -> AuditReport:
    """Judge the target's rows of features_daily up to ``as_of``.

    Parameters
    ----------
    page : pathlib.Path or None
        Where an HTML page of the checks is written.

    Raises
    ------
    QualityError
        If a critical check fails.
    StaleInput
        If nothing is wrong but that ``as_of`` has no features.
    """
    target = universe.target
    features = store.read(FEATURES_DAILY, symbols=[target], last=as_of)
    curated = store.read(CURATED_MARKET_DAILY, symbols=[target], last=as_of).select(["session"])
    known = _known(store, universe, as_of, features, curated)
    if (outcomes := _already(known, page)) is not None:
        return _report(outcomes)
    from volcast.data.checks.features import judge_features

    return _settle(known, judge_features(features, curated, target, as_of), page, "features_daily")


def audit_predictions(
    store: Store, universe: Universe, as_of: date, staged: pa.Table, page: Path | None = None
) -> AuditReport:
    """Judge staged forecasts of ``as_of``, and look back at what is published.

    Parameters
    ----------
    staged : pyarrow.Table
        Rows of predictions_daily that are about to be published.
    page : pathlib.Path or None
        Where an HTML page of the checks is written.

    Raises
    ------
    QualityError
        If a critical check fails; nothing should be published then.
    """
    from volcast.data.checks.predictions import judge_predictions, window_start

    published = store.read(
        PREDICTIONS_DAILY, symbols=[universe.target], first=window_start(as_of), last=as_of
    )
    published = _without(published, staged)
    known = _known(store, universe, as_of, staged, published)
    if (outcomes := _already(known, page)) is not None:
        return _report(outcomes)
    verdict = judge_predictions(staged, published, universe.target, as_of)
    return _settle(known, verdict, page, "staged forecast")


def _known(store: Store, universe: Universe, as_of: date, *tables: pa.Table) -> Known:
    name = digest(
        *(table_digest(table) for table in tables),
        universe.model_dump(), str(as_of), code_version(_CODE, LIBRARIES),
    )  # fmt: skip
    return Known(store, name, universe.target, as_of)


def _already(known: Known, page: Path | None) -> list[Outcome] | None:
    """Return the outcomes of an earlier audit of the same rows, told of anew."""
    earlier = known.get()
    if earlier is None:
        return None
    known.stands(earlier[0], page)
    return earlier[0]


def _settle(known: Known, verdict: Verdict, page: Path | None, where: str) -> AuditReport:
    keep(known.store, known.symbol, known.session, verdict.outcomes)
    write_page(page, verdict.results)
    refuse_critical(verdict.outcomes, known.symbol, where, _REMEDY)
    known.put(verdict.outcomes, {})
    return _report(verdict.outcomes)


def _report(outcomes: list[Outcome]) -> AuditReport:
    return AuditReport(len(outcomes), told(outcomes))


def _without(published: pa.Table, staged: pa.Table) -> pa.Table:
    """Leave out rows that the staged ones are: a second run would else look different."""
    if not set(PREDICTIONS_DAILY.key) <= set(staged.column_names):
        return published
    key = list(PREDICTIONS_DAILY.key)
    staged_keys = staged.select(key).to_pylist()
    same = [row in staged_keys for row in published.select(key).to_pylist()]
    return published.filter(pc.invert(pa.array(same, pa.bool_())))
