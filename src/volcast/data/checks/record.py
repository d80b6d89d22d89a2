"""What is kept of a run of checks: rows of monitoring.quality, and a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from volcast.core.errors import QualityError, StaleInput
from volcast.core.hashing import as_json
from volcast.data.checks.suite import Outcome
from volcast.store import Store
from volcast.store.tables import MONITORING_QUALITY

__all__ = [
    "LIBRARIES", "Known", "data_docs", "keep", "refuse_critical", "told", "unchanged_page",
    "write_page",
]  # fmt: skip

LIBRARIES = ("great-expectations", "numpy", "pandas")
"""Distributions whose version may change a check."""

_LATE = "sessions_behind"


@dataclass(frozen=True)
class Known:
    """What a run found, kept under a name that its input and code give.

    The pipelines judge the same rows within minutes, and the import of Great Expectations alone
    costs more than all checks.
    """

    store: Store
    name: str
    symbol: str
    session: date

    @property
    def key(self) -> str:
        """Where in the store it is kept."""
        return f"monitoring/validated/{self.name}.json"

    def get(self) -> tuple[list[Outcome], dict[str, Any]] | None:
        """Return the outcomes of an earlier run and what else it kept; None without one."""
        kept = self.store.objects.get_or_none(self.key)
        if kept is None:
            return None
        read = json.loads(kept.data)
        return [Outcome(**outcome) for outcome in read["outcomes"]], read["report"]

    def stands(self, outcomes: Sequence[Outcome], page: Path | None) -> None:
        """Tell monitoring.quality and the page what is known."""
        keep(self.store, self.symbol, self.session, outcomes)
        if page is not None:
            page.write_text(unchanged_page(self.symbol, self.session, outcomes), encoding="utf-8")

    def put(self, outcomes: Sequence[Outcome], report: Mapping[str, object]) -> None:
        """Keep the outcomes of a run that was not stopped."""
        told = {"outcomes": [asdict(outcome) for outcome in outcomes], "report": dict(report)}
        self.store.objects.put(self.key, as_json(told))


def keep(store: Store, symbol: str, session: date, outcomes: Sequence[Outcome]) -> None:
    """Write one row a check to monitoring.quality."""
    rows = pd.DataFrame([asdict(outcome) for outcome in outcomes])
    rows = rows.astype({"found": float, "bound": float})
    store.write(MONITORING_QUALITY, rows.assign(symbol=symbol, session=session))


def refuse_critical(outcomes: Sequence[Outcome], symbol: str, where: str, remedy: str) -> None:
    """Raise if a critical check failed.

    Raises
    ------
    StaleInput
        If nothing else is wrong than that the newest session is not there yet.
    QualityError
        Else; another attempt on the same rows cannot help.
    """
    failed = [o for o in outcomes if o.severity == "critical" and not o.passed]
    if not failed:
        return
    found = f"{symbol}: {'; '.join(_in_words(outcome) for outcome in failed)}"
    if [outcome.check for outcome in failed] == [_LATE]:
        raise StaleInput(
            found=found, expected=f"its row of {symbol} at as_of", where=where,
            remedy="Ingest again once the source has the session.",
        )  # fmt: skip
    raise QualityError(
        found=found,
        expected="no critical check to fail",
        where=where,
        remedy=f"See monitoring.quality. {remedy}",
    )


def told(outcomes: Sequence[Outcome]) -> list[str]:
    """Return in words the warnings among outcomes that failed."""
    return [_in_words(o) for o in outcomes if o.severity == "warning" and not o.passed]


def _in_words(outcome: Outcome) -> str:
    return f"{outcome}" + (f" [{outcome.detail}]" if outcome.detail else "")


def write_page(path: Path | None, results: Sequence[Any]) -> None:
    """Write Great Expectations' Data Docs of some results to ``path``, if there is one."""
    if path is not None:
        path.write_text(data_docs(results), encoding="utf-8")


def data_docs(results: Sequence[Any]) -> str:
    """Return Great Expectations' page of results, one after the other.

    It names no folder: the batches were in memory, and nothing of the run's surroundings is in it.
    """
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    renderer = ValidationResultsPageRenderer()
    first, *others = [renderer.render(result) for result in results]
    for other in others:
        first.sections += other.sections
    page: str = DefaultJinjaPageView().render(first)
    return page


def unchanged_page(symbol: str, session: date, outcomes: Sequence[Outcome]) -> str:
    """Return a page that lists outcomes known from an earlier run on the same input."""
    columns = ("suite", "check", "severity", "passed", "checked", "failed", "detail")
    head = "".join(f"<th>{name}</th>" for name in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(getattr(o, n)))}</td>" for n in columns) + "</tr>"
        for o in outcomes
    )
    title = escape(f"{symbol} {session}: unchanged since these checks were run")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><table border><tr>{head}</tr>{rows}</table></html>\n"
    )
