"""The audit steps: check what the pipeline computed before the next step uses it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from volcast.core.settings import Universe
from volcast.data.checks.features import judge_features
from volcast.data.checks.predictions import judge_predictions, window_start
from volcast.data.checks.run import CheckRun, warnings_of
from volcast.data.checks.suite import Verdict
from volcast.store import Store
from volcast.store.tables import CURATED_MARKET_DAILY, FEATURES_DAILY, PREDICTIONS_DAILY

__all__ = ["AuditReport", "audit_features", "audit_predictions"]

_REMEDY = "Nothing was published from these rows; fix the step that computed them and rerun it."
_CODE = ("data/audit.py", "data/checks/*.py", "features/catalog.py")


@dataclass(frozen=True)
class AuditReport:
    """The result of an audit that stopped nothing.

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
    """Check the target's rows of features_daily up to ``as_of``.

    Parameters
    ----------
    page : pathlib.Path or None
        Where an HTML page of the checks is written.

    Raises
    ------
    QualityError
        If a critical check fails.
    StaleInput
        If the only fault is that ``as_of`` has no features.
    """
    target = universe.target
    features = store.read(FEATURES_DAILY, symbols=[target], last=as_of)
    curated = store.read(CURATED_MARKET_DAILY, symbols=[target], last=as_of).select(["session"])
    run = CheckRun.of(store, universe, as_of, page, [features, curated], _CODE)
    return _audit(run, lambda: judge_features(features, curated, target, as_of), "features_daily")


def audit_predictions(
    store: Store, universe: Universe, as_of: date, staged: pa.Table, page: Path | None = None
) -> AuditReport:
    """Check staged forecasts of ``as_of``, and the forecasts that are already published.

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
    target = universe.target
    window = {"first": window_start(as_of), "last": as_of}
    published = _without(store.read(PREDICTIONS_DAILY, symbols=[target], **window), staged)
    run = CheckRun.of(store, universe, as_of, page, [staged, published], _CODE)
    return _audit(
        run, lambda: judge_predictions(staged, published, target, as_of), "staged forecast"
    )


def _audit(run: CheckRun, judge: Callable[[], Verdict], where: str) -> AuditReport:
    if (earlier := run.earlier()) is not None:
        outcomes, _ = earlier
        run.repeat(outcomes)
    else:
        verdict = judge()
        outcomes = verdict.outcomes
        run.record(outcomes, verdict.results, where, _REMEDY)
        run.remember(outcomes, {})
    return AuditReport(len(outcomes), warnings_of(outcomes))


def _without(published: pa.Table, staged: pa.Table) -> pa.Table:
    """Leave out the staged rows, so that a second run gets the same input."""
    key: Sequence[str] = PREDICTIONS_DAILY.key
    if not set(key) <= set(staged.column_names):
        return published
    staged_keys = staged.select(key).to_pylist()
    same = [row in staged_keys for row in published.select(key).to_pylist()]
    return published.filter(pc.invert(pa.array(same, pa.bool_())))
