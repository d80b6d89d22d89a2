"""Evaluations kept in the store: of one symbol, and of several side by side."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from volcast.core.settings import Universe
from volcast.evaluation.evaluate import evaluate
from volcast.evaluation.report import render
from volcast.evaluation.rows import evaluation_bytes, evaluation_frame
from volcast.evaluation.survey import render_survey
from volcast.evaluation.table import SkillTable, compare
from volcast.store import Store

__all__ = ["study", "survey"]

_FIRST = date(1990, 1, 1)


def study(
    store: Store, universe: Universe, as_of: date, *, seed: int = 7, ablation: bool = False
) -> SkillTable:  # fmt: skip
    """Evaluate the universe's target over its whole history; keep the rows and the report.

    They lie under ``evaluations/<symbol>/``, and the same input gives the same bytes. With
    ``ablation`` each group of features is measured too, at seven times the cost.

    Raises
    ------
    NotFound, ConfigError, ContractError
        As `volcast.evaluation.evaluate.evaluate`.
    """
    found = evaluate(store, universe, _FIRST, as_of, seed=seed)
    found = found.with_garch(store).with_regime_skill()
    if ablation:
        found = found.with_ablations(seed)
    skill = compare(found.rows)
    folder = f"evaluations/{universe.target}"
    store.objects.put(f"{folder}/evaluation.parquet", evaluation_bytes(found.rows))
    store.objects.put(f"{folder}/report.html", render(found).encode())
    return skill


def survey(store: Store, symbols: Sequence[str]) -> dict[str, SkillTable]:
    """Lay the kept evaluations of ``symbols`` side by side in ``evaluations/survey.html``.

    Returns
    -------
    dict of str to SkillTable
        Over all rows of each symbol, in the order asked for.

    Raises
    ------
    KeyMissing
        If a symbol has no evaluation.
    """
    frames: dict[str, pd.DataFrame] = {
        symbol: evaluation_frame(store.objects.get(f"evaluations/{symbol}/evaluation.parquet"))
        for symbol in dict.fromkeys(symbols)
    }
    store.objects.put("evaluations/survey.html", render_survey(frames).encode())
    return {symbol: compare(rows) for symbol, rows in frames.items()}
