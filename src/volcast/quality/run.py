"""The validate step: judge raw rows, quarantine the broken, publish the rest."""

import json
from dataclasses import asdict, dataclass
from datetime import date

import pandas as pd
import pyarrow as pa

from volcast import calendar
from volcast.config import Universe
from volcast.contracts import CURATED_MARKET_DAILY, MONITORING_QUARANTINE, RAW_MARKET
from volcast.curation import Curated, curate
from volcast.errors import NotFound, QualityError, StaleInput
from volcast.lineage import as_json, code_version, digest, table_digest
from volcast.quality.suite import judge_table
from volcast.storage import Store

__all__ = ["TABLE_BOUNDS", "ValidationReport", "validate"]

WINDOW = 252
"""Sessions up to as_of in which the target's gaps are counted."""

TABLE_BOUNDS = {"newest_broken": 0.0, "missing_sessions": 5.0, "quarantined_share": 0.01}
"""Highest values of the target that still let the table be published."""


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
        Expectations evaluated.
    failed : list of str
        Row checks that found a broken row, sorted. Table checks that fail raise instead.
    examples : list of str
        The newest five broken rows, each with its reason; all are in monitoring.quarantine.
    """

    as_of: date
    rows: int
    quarantined: int
    dropped: dict[str, int]
    checks: int
    failed: list[str]
    examples: list[str]


def validate(store: Store, universe: Universe, as_of: date) -> ValidationReport:
    """Curate raw.market up to ``as_of`` and publish it, if the target's rows are sound.

    Broken rows go to monitoring.quarantine with their reason, whether or not the run stops.

    Raises
    ------
    NotFound
        If ``as_of`` is no XNYS session.
    QualityError
        If the target has no row, its newest row is broken, or too many are broken or missing;
        curated data are then left as they were.
    StaleInput
        If the target's newest session is older than ``as_of``.
    """
    raw = store.read(RAW_MARKET, last=as_of)
    record = _record_key(raw, universe, as_of)
    if (known := _already_valid(store, record, as_of)) is not None:
        return known
    frame = raw.to_pandas(date_as_object=False)
    _refuse_stale(frame, universe.target, as_of)
    curated = curate(frame, universe, as_of)
    if len(curated.quarantined):
        store.write(MONITORING_QUARANTINE, curated.quarantined)
    facts = _facts(frame, curated, universe.target, as_of)
    verdict = judge_table(facts, TABLE_BOUNDS)
    if verdict.failed:
        raise _broken_table(verdict.failed, curated.quarantined, universe.target)
    store.write(CURATED_MARKET_DAILY, curated.rows)
    report = ValidationReport(
        as_of=as_of,
        rows=len(curated.rows),
        quarantined=_count_rows(curated.quarantined),
        dropped=curated.dropped,
        checks=curated.checks + verdict.checks,
        failed=sorted(curated.quarantined["reason"].unique()),
        examples=_examples(curated.quarantined),
    )
    store.objects.put(record, as_json(asdict(report) | {"as_of": str(as_of)}))
    return report


def _record_key(raw: pa.Table, universe: Universe, as_of: date) -> str:
    """Return where the outcome for these very rows, universe, session and checks is kept."""
    code = code_version(("curation.py", "quality/*.py"))
    name = digest(table_digest(raw), universe.model_dump(), str(as_of), code)
    return f"monitoring/validated/{name}.json"


def _already_valid(store: Store, record: str, as_of: date) -> ValidationReport | None:
    """Return the report of an earlier run on the same input, if what it published still stands.

    The two pipelines validate the same rows within minutes; the import of Great Expectations
    alone costs more than all checks.
    """
    kept = store.objects.get_or_none(record)
    if kept is None:
        return None
    report = ValidationReport(**(json.loads(kept.data) | {"as_of": as_of}))
    stands = len(store.read(CURATED_MARKET_DAILY, last=as_of)) == report.rows
    return report if stands else None


def _refuse_stale(raw: pd.DataFrame, target: str, as_of: date) -> None:
    """Raise on what needs no check of rows to be seen."""
    if not calendar.is_session(as_of):
        raise NotFound(
            found=f"{as_of}, on which XNYS is shut",
            expected="a XNYS session",
            where="validate",
            remedy="Give the last session before it.",
            field="as_of",
        )
    sessions = raw.loc[raw["symbol"] == target, "session"]
    if sessions.empty:
        raise QualityError(
            found=f"no row of {target} up to {as_of}",
            expected="at least one",
            where=RAW_MARKET.name,
            remedy="Ingest the target, or mend the universe's name of it.",
        )
    newest = sessions.max().date()
    if newest < as_of:
        raise StaleInput(
            found=f"{target} up to {newest}",
            expected=f"its row of {as_of}",
            where=RAW_MARKET.name,
            remedy="Ingest again once the source has the session.",
        )


def _facts(raw: pd.DataFrame, curated: Curated, target: str, as_of: date) -> dict[str, float]:
    """Count what `TABLE_BOUNDS` bounds.

    The newest session counts as broken if its latest version is, though an earlier good one may
    stand: a forecast must not rest on a price the source has since contradicted.
    """
    own = raw[raw["symbol"] == target]
    broken = curated.quarantined[curated.quarantined["symbol"] == target]
    newest = own.loc[own["session"] == pd.Timestamp(as_of), "ingested_at"].max()
    at_newest = broken[broken["session"] == pd.Timestamp(as_of)]
    first = max(own["session"].min().date(), calendar.after(as_of, 1 - WINDOW))
    kept = curated.rows.loc[curated.rows["symbol"] == target, "session"]
    wanted = pd.DatetimeIndex(calendar.sessions(first, as_of))
    return {
        "newest_broken": float((at_newest["ingested_at"] == newest).any()),
        "missing_sessions": float(len(wanted.difference(pd.DatetimeIndex(kept)))),
        "quarantined_share": _count_rows(broken) / len(own),
    }


def _count_rows(quarantined: pd.DataFrame) -> int:
    """Count raw rows; one row may be quarantined for several reasons."""
    return len(quarantined.drop_duplicates(["symbol", "session", "source", "ingested_at"]))


def _examples(quarantined: pd.DataFrame) -> list[str]:
    newest = quarantined.sort_values("session", kind="stable").tail(5)
    return [f"{row.symbol} {row.session:%Y-%m-%d}: {row.reason}" for row in newest.itertuples()]


def _broken_table(failed: list[str], quarantined: pd.DataFrame, target: str) -> QualityError:
    own = quarantined[quarantined["symbol"] == target].tail(3)
    examples = [f"{row.session:%Y-%m-%d} {row.reason}" for row in own.itertuples()]
    return QualityError(
        found=f"{target}: {', '.join(failed)}" + (f"; {'; '.join(examples)}" if examples else ""),
        expected="a whole table with a sound newest row",
        where=RAW_MARKET.name,
        remedy="See monitoring.quarantine; mend the source's rows and ingest again. "
        "Curated data are as they were.",
    )
