"""The validate step: judge raw rows, quarantine the broken, publish the rest."""

from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from volcast.core.hashing import code_version, digest, table_digest
from volcast.core.settings import Universe
from volcast.data.checks.history import SECOND_SOURCES
from volcast.data.checks.market import Market, count_rows, judge_market, torn_others
from volcast.data.checks.record import LIBRARIES, Known, keep, refuse_critical, told, write_page
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
    "Broken rows are in monitoring.quarantine; mend the source's rows and ingest again. Curated "
    "data are as they were. If the source is right about its past, begin a new store."
)
_CODE = ("data/curate.py", "data/checks/*.py")


@dataclass(frozen=True)
class ValidationReport:
    """What validation published and what it kept out.

    Parameters
    ----------
    rows, quarantined : int
        Rows in curated.market_daily up to as_of, and raw rows kept out as broken.
    dropped : dict of str to int
        Rows left out without fault, such as index prints on holidays, by symbol and reason.
    checks : int
        Checks evaluated; each has a row in monitoring.quality.
    failed : list of str
        Row checks that found a broken row, sorted. Table checks that fail raise instead.
    examples : list of str
        The newest five broken rows, each with its reason; all are in monitoring.quarantine.
    warnings : list of str
        Checks that failed and neither stop the run nor keep a row out.
    """

    as_of: date
    rows: int
    quarantined: int
    dropped: dict[str, int]
    checks: int
    failed: list[str]
    examples: list[str]
    warnings: list[str] = field(default_factory=list)


def validate(
    store: Store, universe: Universe, as_of: date, page: Path | None = None
) -> ValidationReport:
    """Curate raw.market up to ``as_of`` and publish it, if the target's rows are sound.

    Broken rows go to monitoring.quarantine with their reason, and every check to
    monitoring.quality, whether or not the run stops.

    Parameters
    ----------
    page : pathlib.Path or None
        Where an HTML page of the checks is written.

    Raises
    ------
    RequestError
        If ``as_of`` is not a XNYS session.
    QualityError
        If a critical check fails: the target has no row, its newest row is broken or doubtful, too
        many are broken, missing or restated, or its history is torn; curated data are then left
        as they were.
    StaleInput
        If nothing is wrong but that the target's newest session is older than ``as_of``.
    """
    require_session(as_of)
    raw = store.read(RAW_MARKET, last=as_of)
    macro = store.read(RAW_MACRO, symbols=_second_sources(universe), last=as_of)
    key = (table_digest(raw), table_digest(macro), universe.model_dump(), str(as_of))
    known = Known(store, digest(*key, code_version(_CODE, LIBRARIES)), universe.target, as_of)
    if (report := _already_valid(known, store, page)) is not None:
        return report
    curated = curate(raw.to_pandas(date_as_object=False), universe, as_of)
    if len(curated.quarantined):
        store.write(MONITORING_QUARANTINE, curated.quarantined)
    published = store.read(CURATED_MARKET_DAILY, symbols=universe.symbols, last=as_of).to_pandas()
    verdict = judge_market(
        Market(raw, curated, published, macro.to_pandas(date_as_object=False),
               universe, as_of)
    )  # fmt: skip
    outcomes = [*curated.outcomes, *verdict.outcomes]
    keep(store, universe.target, as_of, outcomes)
    write_page(page, (*curated.results, *verdict.results))
    refuse_critical(verdict.outcomes, universe.target, RAW_MARKET.name, _REMEDY)
    # A companion whose new history contradicts its published one stays as it is, and is told of.
    torn = torn_others(curated.rows, published, universe)
    kept = curated.rows[~curated.rows["symbol"].isin(torn)]
    replaced = curated.replaced[~curated.replaced["symbol"].isin(torn)]
    # First the earlier values, so that no reader finds a restated row without them.
    store.write(CURATED_MARKET_VERSIONS, replaced)
    store.write(CURATED_MARKET_DAILY, kept)
    report = ValidationReport(
        as_of=as_of,
        rows=len(kept) + int(published["symbol"].isin(torn).sum()),
        quarantined=count_rows(curated.quarantined),
        dropped=curated.dropped,
        checks=len(outcomes),
        failed=sorted(curated.quarantined["reason"].unique()),
        examples=_examples(curated.quarantined),
        warnings=told(verdict.outcomes),
    )
    known.put(outcomes, asdict(report) | {"as_of": str(as_of)})
    return report


def _already_valid(known: Known, store: Store, page: Path | None) -> ValidationReport | None:
    """Return the report of an earlier run on the same input, if what it published still stands."""
    earlier = known.get()
    if earlier is None:
        return None
    outcomes, kept = earlier
    report = ValidationReport(**(kept | {"as_of": known.session}))
    if len(store.read(CURATED_MARKET_DAILY, last=known.session)) != report.rows:
        return None
    known.stands(outcomes, page)
    return report


def _second_sources(universe: Universe) -> list[str]:
    return [SECOND_SOURCES[universe.iv]] if universe.iv in SECOND_SOURCES else []


def _examples(quarantined: pd.DataFrame) -> list[str]:
    newest = quarantined.sort_values("session", kind="stable").tail(5)
    return [f"{row.symbol} {row.session:%Y-%m-%d}: {row.reason}" for row in newest.itertuples()]
