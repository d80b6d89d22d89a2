"""The expectations on market rows, as code, run through Great Expectations."""

import importlib
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from volcast.errors import VolcastError

__all__ = ["RowVerdict", "TableVerdict", "judge_rows", "judge_table"]

RANGE_TOLERANCE = 1e-6
"""Share of the close by which high, low, open and close may contradict each other. None of 42,000
real rows of SPY, TLT, HYG and five more funds, nor of 5,031 of the sample's index, does at all;
prices scaled in 32-bit floats may, by 1e-7. A cent on the dearest of them is 2e-5."""

HIGHEST_PRICE = 1e9
"""Above any price there is; so infinity is no price."""

INDEX_POINTS = (1.0, 200.0)
"""Plausible closes of an implied-volatility index; VIX has been between 9.1 and 82.7 since 1990."""

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class RowVerdict:
    """Faults found: columns row (its number) and reason, sorted; and the count of checks run."""

    faults: pd.DataFrame
    checks: int


@dataclass(frozen=True)
class TableVerdict:
    """What failed, each as ``name value (bound)``; and the count of checks run."""

    failed: list[str]
    checks: int


def judge_rows(rows: pd.DataFrame) -> RowVerdict:
    """Run every row check on all rows at once.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns of raw.market, and row (a unique number), kind (asset or index), on_calendar.

    Raises
    ------
    VolcastError
        If a check could not be run.
    """
    results = _run(_row_expectations(), _with_measures(rows)) if len(rows) else []
    faults = [
        (int(found["row"]), result.expectation_config.meta["reason"])
        for result in results
        if not result.success
        for found in result.result["unexpected_index_list"]
    ]
    frame = pd.DataFrame(sorted(set(faults)), columns=["row", "reason"])
    return RowVerdict(frame.astype({"row": "int64", "reason": "object"}), len(results))


def judge_table(facts: dict[str, float], at_most: dict[str, float]) -> TableVerdict:
    """Hold counts and shares that describe a table against their bounds.

    Parameters
    ----------
    facts, at_most : dict of str to float
        By name, what was counted and the highest value that passes.
    """
    expectations = [
        _gx().expectations.ExpectColumnValuesToBeBetween(column=name, max_value=bound)
        for name, bound in at_most.items()
    ]
    results = _run(expectations, pd.DataFrame([facts]).assign(row=0))
    names = [r.expectation_config.kwargs["column"] for r in results if not r.success]
    failed = [f"{name} {facts[name]:g} (at most {at_most[name]:g})" for name in names]
    return TableVerdict(failed, len(results))


def _with_measures(rows: pd.DataFrame) -> pd.DataFrame:
    """Add how far each row is from contradicting itself, as shares of its close."""
    scale = rows["close"].abs()
    body = rows[["open", "close"]]
    return rows.assign(
        high_over_low=(rows["high"] - rows["low"]) / scale,
        high_over_body=(rows["high"] - body.max(axis=1)) / scale,
        body_over_low=(body.min(axis=1) - rows["low"]) / scale,
    )


def _row_expectations() -> list[Any]:
    """Every row check; ``meta`` holds the reason a failing row is quarantined with."""
    ask, kind = _gx().expectations, _gx().expectations.row_conditions.Column("kind")
    asset, index = {"row_condition": kind == "asset"}, {"row_condition": kind == "index"}

    def given(column: str, **where: Any) -> Any:
        meta = {"reason": f"{column}_missing"}
        return ask.ExpectColumnValuesToNotBeNull(column=column, meta=meta, **where)

    def between(column: str, reason: str, **bounds: Any) -> Any:
        return ask.ExpectColumnValuesToBeBetween(column=column, meta={"reason": reason}, **bounds)

    positive = {"min_value": 0, "strict_min": True, "max_value": HIGHEST_PRICE}
    ordered = {"min_value": -RANGE_TOLERANCE, **asset}
    lowest, highest = INDEX_POINTS
    return [
        ask.ExpectColumnValuesToBeInSet(
            column="on_calendar", value_set=[True], meta={"reason": "off_calendar"}
        ),
        ask.ExpectCompoundColumnsToBeUnique(
            column_list=["symbol", "session", "ingested_at"],
            meta={"reason": "contradicting_repeat"},
        ),
        *(given(column, **asset) for column in _PRICES),
        *(between(column, f"{column}_not_positive", **positive, **asset) for column in _PRICES),
        between("high_over_low", "high_below_low", **ordered),
        between("high_over_body", "high_below_open_or_close", **ordered),
        between("body_over_low", "low_above_open_or_close", **ordered),
        between("adjustment", "adjustment_not_positive", **positive),
        given("close", **index),
        between("close", "close_implausible", min_value=lowest, max_value=highest, **index),
    ]


def _run(expectations: Sequence[Any], frame: pd.DataFrame) -> list[Any]:
    """Validate one in-memory batch; results in the order of the expectations."""
    gx = _gx()
    types = gx.data_context.types.base
    config = types.DataContextConfig(
        # In memory alone: the default would look for a folder for its pages.
        store_backend_defaults=types.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars={"globally": False},
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    outcome = batch.validate(
        gx.ExpectationSuite("market", expectations=list(expectations)),
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["row"],
            "return_unexpected_index_query": False,
        },
    )
    _refuse_unrun(outcome.results)
    return list(outcome.results)


def _refuse_unrun(results: Sequence[Any]) -> None:
    """Raise if a check did not run: it found nothing, and must not pass for one without fault."""
    for result in results:
        if not result.success and not result.result:
            raise VolcastError(
                found=f"no result of {result.expectation_config.type}: {result.exception_info}",
                expected="every check to run",
                where="quality suite",
                remedy="This is a fault of volcast; report it with the message.",
            )


@lru_cache(maxsize=1)
def _gx() -> Any:
    """Import Great Expectations, which takes seconds, when the first check is run."""
    with warnings.catch_warnings():
        # On import it uses modules deprecated in Python 3.11 and asks for an optional package.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ImportWarning)
        module = importlib.import_module("great_expectations")
    logging.captureWarnings(False)  # it also diverts all warnings of the process to a logger
    return module
