"""The validate step: check raw rows, quarantine broken ones, publish the rest."""

from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from volcast.core import calendar
from volcast.core.settings import Universe
from volcast.data.checks.history import SECOND_SOURCES
from volcast.data.checks.market import count_rows, judge_market, judge_moves, torn_companions
from volcast.data.checks.run import CheckRun, warnings_of
from volcast.data.curate import curate
from volcast.data.sessions import require_session
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    CURATED_MARKET_VERSIONS,
    MONITORING_QUARANTINE,
    RAW_MACRO,
    RAW_MARKET,
)

__all__ = ["ValidationReport", "validate"]

_REMEDY = (
    "Broken rows are in monitoring.quarantine; fix the source's rows and ingest again. Curated "
    "data are unchanged. If the source is right about its past, start a new store. A return that "
    "looks like a split or dividend (history_torn) needs its record in adj_close or, if it is "
    "real, a volume or an index that shows it."
)
_CODE = ("data/curate.py", "data/validate.py", "data/checks/*.py")


@dataclass(frozen=True)
class ValidationReport:
    """The number of published rows up to as_of, of quarantined and dropped ones, and of checks.

    ``dropped`` counts rows that are not broken, such as index prints on holidays, by symbol and
    reason; ``examples`` are the newest five broken rows, ``warnings`` the failed checks that
    neither stop the run nor quarantine a row.
    """

    as_of: date
    rows: int
    quarantined: int
    dropped: dict[str, int]
    checks: int
    examples: list[str]
    warnings: list[str] = field(default_factory=list)


def validate(
    store: Store, universe: Universe, as_of: date, page: Path | None = None
) -> ValidationReport:
    """Curate raw.market up to ``as_of`` and publish it, unless a critical check fails.

    Broken rows are written to monitoring.quarantine with their reason, every check to
    monitoring.quality and to the HTML ``page``, whether or not the run stops.

    Raises
    ------
    RequestError
        If ``as_of`` is not a XNYS session.
    QualityError
        If a critical check fails; curated data are unchanged.
    StaleInput
        If the only fault is that the target's newest session is older than ``as_of``.
    """
    require_session(as_of)
    raw = store.read(RAW_MARKET, first=calendar.FIRST, last=as_of)
    seconds = [series for index, series in SECOND_SOURCES.items() if index == universe.iv]
    macro = store.read(RAW_MACRO, symbols=seconds, last=as_of)
    run = CheckRun.of(store, universe, as_of, page, [raw, macro], _CODE)
    if (report := _earlier_report(run)) is not None:
        return report
    curated = curate(raw.to_pandas(date_as_object=False), universe, as_of)
    if len(curated.quarantined):
        store.write(MONITORING_QUARANTINE, curated.quarantined)
    published = store.read(CURATED_MARKET_DAILY, last=as_of).to_pandas()
    moves = judge_moves(curated.rows, published, universe)
    second = macro.to_pandas(date_as_object=False)
    verdict = judge_market(raw, curated, published, moves, second, universe, as_of)
    broken = curated.quarantined.sort_values("session", kind="stable").tail(5).itertuples()
    outcomes = [*curated.verdict.outcomes, *verdict.outcomes]
    results = [*curated.verdict.results, *verdict.results]
    run.record(outcomes, results, RAW_MARKET.name, _REMEDY)
    # Another symbol whose new history is torn stays as published, or unpublished, with a warning.
    torn = torn_companions(moves, universe)
    rows, replaced = (f[~f["symbol"].isin(torn)] for f in (curated.rows, curated.replaced))
    # Earlier values are written first, so that no reader sees a restated row without them.
    store.write(CURATED_MARKET_VERSIONS, replaced)
    store.write(CURATED_MARKET_DAILY, rows)
    report = ValidationReport(
        as_of=as_of,
        rows=len(rows) + int(published["symbol"].isin(torn).sum()),
        quarantined=count_rows(curated.quarantined),
        dropped=curated.dropped,
        checks=len(outcomes),
        examples=[f"{row.symbol} {row.session:%Y-%m-%d}: {row.reason}" for row in broken],
        warnings=warnings_of(verdict.outcomes),
    )
    run.remember(outcomes, asdict(report) | {"as_of": str(as_of)})
    return report


def _earlier_report(run: CheckRun) -> ValidationReport | None:
    """Return the report of an earlier run on the same input, if its rows are still published."""
    earlier = run.earlier()
    if earlier is None:
        return None
    outcomes, content = earlier
    report = ValidationReport(**(content | {"as_of": run.session}))
    if len(run.store.read(CURATED_MARKET_DAILY, last=run.session)) != report.rows:
        return None
    run.repeat(outcomes)
    return report
