"""Checks as data, run through Great Expectations."""

import importlib
import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from volcast.core.errors import VolcastError

__all__ = ["Check", "Fact", "Outcome", "Verdict", "judge", "newest_days", "table_check"]

Severity = Literal["critical", "warning"]
Suite = Literal["raw", "curated", "features", "predictions"]

_EXAMPLES = 3


@dataclass(frozen=True)
class Check:
    """One check: values that must lie within bounds, or a key that must not repeat.

    A failed critical check stops the run. ``measure`` is the column of the values, null where a row
    is not judged, or if ``of_table`` a `Fact`. Bounds are inclusive; with ``above``, ``at_least``
    itself fails. ``key`` are columns that together may not repeat, in place of a measure.
    """

    suite: Suite
    name: str
    severity: Severity
    measure: str = ""
    at_least: float | None = None
    at_most: float | None = None
    above: bool = False
    of_table: bool = False
    key: tuple[str, ...] = ()

    def holds(self, values: "pd.Series[float]") -> "pd.Series[bool]":
        """Mark the values that pass; null ones do."""
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        over = values > low if self.above else values >= low
        return values.isna() | (over & (values <= high))


def table_check(
    suite: Suite, name: str, severity: Severity, at_most: float = 0, at_least: float | None = None
) -> Check:
    """Return the check of the `Fact` of a whole table that is called ``<name> of table``."""
    return Check(suite, name, severity, f"{name} of table", at_least, at_most, of_table=True)


def newest_days(days: Iterable[pd.Timestamp]) -> str:
    """Return the newest three of the days as text."""
    return ", ".join(f"{day:%Y-%m-%d}" for day in sorted(set(days))[-3:])


@dataclass(frozen=True)
class Fact:
    """A measure of a whole table; NaN if there is nothing to check."""

    value: float
    detail: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of one check; its fields are columns of monitoring.quality."""

    suite: Suite
    check: str
    severity: Severity
    passed: bool
    checked: int
    failed: int
    found: float | None
    bound: float | None
    detail: str

    def __str__(self) -> str:
        """Return the check with its measure, its upper bound and the detail."""
        detail = f" [{self.detail}]" if self.detail else ""
        if self.found is None:
            return f"{self.check}: {self.failed} of {self.checked} rows{detail}"
        bound = "" if self.bound is None else f" (at most {self.bound:g})"
        return f"{self.check} {self.found:g}{bound}{detail}"


@dataclass(frozen=True)
class Verdict:
    """The result of a run of checks.

    ``outcomes`` are in the order of the checks; ``faults`` has ``row`` (its number) and ``reason``
    of each row that failed one; ``results`` are Great Expectations' own, for its page.
    """

    outcomes: list[Outcome]
    faults: pd.DataFrame
    results: tuple[Any, ...] = field(repr=False, compare=False)


def judge(
    checks: Sequence[Check], rows: pd.DataFrame, facts: Mapping[str, Fact] | None = None
) -> Verdict:
    """Run ``checks`` on rows and on facts of their table, in one batch.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``row`` (a unique number), ``symbol``, ``session``, and the measures and keys of the
        checks; a column ``<measure>: which`` names the column that the measure is of.
    facts : mapping of str to Fact
        By name of the check.

    Raises
    ------
    VolcastError
        If a check could not be run.
    """
    facts = facts or {}
    validated = _validated(checks, _batch(checks, rows, facts))
    numbered = rows.set_index("row") if len(rows) else rows
    outcomes, faults = [], []
    for check, result in zip(checks, validated.results, strict=True):
        about = (check.suite, check.name, check.severity, bool(result.success))
        if check.of_table:
            fact = facts[check.name]
            checked = not np.isnan(fact.value)
            value = float(fact.value) if checked else None
            detail = "" if result.success and checked else fact.detail
            outcomes.append(Outcome(*about, int(checked), 0, value, check.at_most, detail))
            continue
        details = result.result
        failing = [int(at["row"]) for at in details.get("unexpected_index_list") or []]
        count = details["element_count"] - details.get("missing_count", 0) if len(rows) else 0
        detail = _examples(check, numbered.loc[failing]) if failing else ""
        outcomes.append(Outcome(*about, int(count), len(failing), None, None, detail))
        faults += [(row, check.name) for row in failing]
    frame = pd.DataFrame(sorted(set(faults)), columns=["row", "reason"])
    return Verdict(outcomes, frame.astype({"row": "int64", "reason": "object"}), (validated,))


def _examples(check: Check, failing: pd.DataFrame) -> str:
    """Name the newest failing rows, with what was measured."""
    newest = failing.sort_values("session", kind="stable").tail(_EXAMPLES)
    examples = []
    for row in newest.to_dict("records"):
        which = row.get(f"{check.measure}: which", "")
        value = "" if check.key else f" ({which}{' ' if which else ''}{row[check.measure]:.6g})"
        examples.append(f"{row['symbol']} {pd.Timestamp(row['session']):%Y-%m-%d}{value}")
    return ", ".join(examples)


def _batch(checks: Sequence[Check], rows: pd.DataFrame, facts: Mapping[str, Fact]) -> pd.DataFrame:
    """Return the columns to check; the first row has the facts, which are null in the others."""
    of_rows = {c.measure for c in checks if c.measure and not c.of_table}
    columns = ["row", *sorted(of_rows | {column for c in checks for column in c.key})]
    batch = rows.reindex(columns=columns).reset_index(drop=True)
    if batch.empty:
        batch = pd.DataFrame({name: [np.nan] for name in columns}).assign(row=-1)
    for check in (check for check in checks if check.of_table):
        batch[check.measure] = np.nan
        batch.loc[0, check.measure] = float(facts[check.name].value)
    return batch


def _expectation(check: Check) -> Any:
    gx, about = _gx().expectations, {"meta": {"check": check.name}, "severity": check.severity}
    if check.key:
        return gx.ExpectCompoundColumnsToBeUnique(column_list=list(check.key), **about)
    return gx.ExpectColumnValuesToBeBetween(
        column=check.measure, min_value=check.at_least, max_value=check.at_most,
        strict_min=check.above, **about,
    )  # fmt: skip


def _validated(checks: Sequence[Check], frame: pd.DataFrame) -> Any:
    """Validate one in-memory batch; results in the order of the checks."""
    suite = _gx().ExpectationSuite("volcast", expectations=[_expectation(c) for c in checks])
    result_format = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["row"],
        "return_unexpected_index_query": False,
    }
    batch = _batches().get_batch({"dataframe": frame})
    outcome = batch.validate(suite, result_format=result_format)
    for result in outcome.results:
        if not result.success and not result.result:
            raise VolcastError(
                found=f"no result of {result.expectation_config.type}: {result.exception_info}",
                expected="every check to run", where="quality suite",
                remedy="This is a fault of volcast; report it with the message.",
            )  # fmt: skip
    return outcome


@lru_cache(maxsize=1)
def _batches() -> Any:
    """Return the batch definition of a context that writes nothing to disk."""
    gx = _gx()
    types = gx.data_context.types.base
    config = types.DataContextConfig(
        # In memory: the default would look for a folder for its pages.
        store_backend_defaults=types.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars={"globally": False},
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("all")


@lru_cache(maxsize=1)
def _gx() -> Any:
    """Import Great Expectations, which takes seconds, when the first check is run."""
    with warnings.catch_warnings():
        # Its import uses modules deprecated in Python 3.11 and looks for an optional package.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ImportWarning)
        module = importlib.import_module("great_expectations")
    logging.captureWarnings(False)  # its import diverts all warnings of the process to a logger
    return module
