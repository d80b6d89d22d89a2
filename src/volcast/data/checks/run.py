"""One run of checks: its rows in monitoring.quality, its page, and its stored outcomes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from volcast.core.errors import QualityError, StaleInput
from volcast.core.hashing import as_json, code_version, digest, table_digest
from volcast.core.settings import Universe
from volcast.data.checks.suite import Outcome, Verdict
from volcast.store import Store
from volcast.store.tables import MONITORING_QUALITY

__all__ = ["AuditReport", "CheckRun", "audit", "warnings_of"]

_LIBRARIES = ("great-expectations", "numpy", "pandas")
"""Distributions whose version may change a check."""

_COLUMNS = ["suite", "check", "severity", "passed", "checked", "failed", "detail"]


@dataclass(frozen=True)
class AuditReport:
    """The number of checks of an audit that stopped nothing, and those that failed."""

    checks: int
    warnings: list[str]


@dataclass(frozen=True)
class CheckRun:
    """One run of checks on a session of the target.

    Its outcomes are stored under ``key``, a digest of its input and code: the pipelines check the
    same rows within minutes, and importing Great Expectations alone costs more than all checks.
    ``page`` is where an HTML page of the checks is written.
    """

    store: Store
    symbol: str
    session: date
    page: Path | None
    key: str

    @classmethod
    def of(
        cls, store: Store, universe: Universe, session: date, page: Path | None,
        tables: Sequence[pa.Table], code: tuple[str, ...],
    ) -> "CheckRun":  # fmt: skip
        """Return the run on these tables; ``code`` are the modules that its outcomes depend on."""
        name = digest(
            *(table_digest(table) for table in tables),
            universe.model_dump(), str(session), code_version(code, _LIBRARIES),
        )  # fmt: skip
        return cls(store, universe.target, session, page, f"monitoring/validated/{name}.json")

    def earlier(self) -> tuple[list[Outcome], dict[str, Any]] | None:
        """Return outcomes and report of an earlier run on the same input; None without one."""
        stored = self.store.objects.get_or_none(self.key)
        if stored is None:
            return None
        content = json.loads(stored.data)
        return [Outcome(**outcome) for outcome in content["outcomes"]], content["report"]

    def repeat(self, outcomes: Sequence[Outcome]) -> None:
        """Write the rows and the page of an earlier run again."""
        self._write_rows(outcomes)
        if self.page is not None:
            title = escape(f"{self.symbol} {self.session}: unchanged since these checks were run")
            head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            with pd.option_context("display.max_colwidth", None):
                rows = pd.DataFrame(outcomes)[_COLUMNS].to_html(index=False, border=1)
            self.page.write_text(f"{head}\n<h1>{title}</h1>{rows}</html>\n", encoding="utf-8")

    def record(
        self, outcomes: Sequence[Outcome], results: Sequence[Any], where: str, remedy: str
    ) -> None:
        """Write one row per check and the page, then raise if a critical check failed.

        Raises
        ------
        StaleInput
            If the only fault is that the newest session is missing.
        QualityError
            If there is another.
        """
        self._write_rows(outcomes)
        if self.page is not None:
            self.page.write_text(_data_docs(results), encoding="utf-8")
        failed = [o for o in outcomes if o.severity == "critical" and not o.passed]
        if not failed:
            return
        found = f"{self.symbol}: {'; '.join(map(str, failed))}"
        if [outcome.check for outcome in failed] == ["sessions_behind"]:
            raise StaleInput(
                found=found, expected=f"its row of {self.symbol} at as_of", where=where,
                remedy="Ingest again once the source has the session.",
            )  # fmt: skip
        raise QualityError(
            found=found, expected="no critical check to fail", where=where,
            remedy=f"See monitoring.quality. {remedy}",
        )  # fmt: skip

    def remember(self, outcomes: Sequence[Outcome], report: dict[str, Any]) -> None:
        """Store the outcomes of a run that was not stopped."""
        content = {"outcomes": [asdict(outcome) for outcome in outcomes], "report": report}
        self.store.objects.put(self.key, as_json(content))

    def _write_rows(self, outcomes: Sequence[Outcome]) -> None:
        rows = pd.DataFrame([asdict(outcome) for outcome in outcomes])
        rows = rows.astype({"found": float, "bound": float})
        self.store.write(MONITORING_QUALITY, rows.assign(symbol=self.symbol, session=self.session))


def warnings_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Return each failed warning as text."""
    return [str(o) for o in outcomes if o.severity == "warning" and not o.passed]


def _data_docs(results: Sequence[Any]) -> str:
    """Return one page of Great Expectations' Data Docs; it names no folder."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    renderer = ValidationResultsPageRenderer()
    first, *others = [renderer.render(result) for result in results]
    for other in others:
        first.sections += other.sections
    page: str = DefaultJinjaPageView().render(first)
    return page


def audit(run: CheckRun, judge: Callable[[], Verdict], where: str) -> AuditReport:
    """Evaluate the checks, or repeat an earlier run of the same input; raise if one is critical."""
    if (earlier := run.earlier()) is not None:
        outcomes = earlier[0]
        run.repeat(outcomes)
    else:
        verdict = judge()
        outcomes = verdict.outcomes
        remedy = "Nothing was published; fix the step that computed these rows and rerun it."
        run.record(outcomes, verdict.results, where, remedy)
        run.remember(outcomes, {})
    return AuditReport(len(outcomes), warnings_of(outcomes))
