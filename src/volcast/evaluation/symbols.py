"""Evaluations stored by symbol, and several symbols compared on one page."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

import pandas as pd

from volcast.core.names import LABELS
from volcast.core.settings import Universe
from volcast.evaluation.evaluate import evaluate
from volcast.evaluation.report import page, render
from volcast.evaluation.rows import PERIODS, evaluation_bytes, evaluation_frame, scored
from volcast.evaluation.table import SkillTable, compare
from volcast.evaluation.tables import gain_cells, table
from volcast.store import Store

__all__ = ["compare_symbols", "evaluate_symbol", "render_comparison"]

_FIRST = date(1990, 1, 1)
_AGAINST = ("har_rv", "log_har", "har_x")


def evaluate_symbol(
    store: Store, universe: Universe, as_of: date, *, seed: int = 7, ablation: bool = False
) -> SkillTable:
    """Evaluate the universe's target over its whole history; store the rows and the report.

    They lie under ``evaluations/<symbol>/``, and the same input gives the same bytes. With
    ``ablation`` each group of features is measured too, at seven times the cost.

    Raises
    ------
    NotFound, ConfigError, ContractError
        As `volcast.evaluation.evaluate.evaluate`.
    """
    result = evaluate(store, universe, _FIRST, as_of, seed=seed)
    result = result.with_garch(store).with_regime_skill()
    if ablation:
        result = result.with_ablations(seed)
    skill = compare(result.rows)
    folder = f"evaluations/{universe.target}"
    store.objects.put(f"{folder}/evaluation.parquet", evaluation_bytes(result.rows))
    store.objects.put(f"{folder}/report.html", render(result).encode())
    return skill


def compare_symbols(store: Store, symbols: Sequence[str]) -> dict[str, SkillTable]:
    """Compare the stored evaluations of ``symbols`` in ``evaluations/survey.html``.

    Returns
    -------
    dict of str to SkillTable
        Over all rows of each symbol, in the order of ``symbols``.

    Raises
    ------
    KeyMissing
        If a symbol has no evaluation.
    """
    frames = {
        symbol: evaluation_frame(store.objects.get(f"evaluations/{symbol}/evaluation.parquet"))
        for symbol in dict.fromkeys(symbols)
    }
    store.objects.put("evaluations/survey.html", render_comparison(frames).encode())
    return {symbol: compare(rows) for symbol, rows in frames.items()}


def render_comparison(evaluations: Mapping[str, pd.DataFrame]) -> str:
    """Return one self-contained page that compares the evaluations.

    Parameters
    ----------
    evaluations : mapping of str to pandas.DataFrame
        Columns of an evaluation file, by symbol, each with at least one scored row.
    """
    title = f"The same recipe on {', '.join(map(escape, evaluations))}"
    whole = {symbol: compare(rows) for symbol, rows in evaluations.items()}
    parts = [f"<h1>{title}</h1>", f"<p>{_summary(whole)}</p>"]
    for name, span in {"All sessions": (date.min, date.max), **PERIODS}.items():
        skills = {
            symbol: compare(rows, *span)
            for symbol, rows in evaluations.items()
            if scored(rows)["session"].between(*span).any()
        }
        if skills:
            parts += [f"<h2>{name}</h2>", _table(skills)]
    parts.append(
        "<p class='note'>Saved: share of the baseline's QLIKE; p: one-sided Diebold-Mariano. "
        "A baseline without a value on some row of a symbol has none there.</p>"
    )
    return page(title, parts)


def _summary(skills: Mapping[str, SkillTable]) -> str:
    lost = [
        f"{LABELS[name]} on {escape(symbol)}"
        for symbol, skill in skills.items()
        for name in _AGAINST
        if name not in skill.left_out and skill.line(name).gain <= 0
    ]
    if lost:
        return f"The forecast does NOT beat {', '.join(lost)}."
    labels = ", ".join(LABELS[name] for name in _AGAINST)
    return f"On every symbol the forecast has a lower QLIKE than {labels}."


def _table(skills: Mapping[str, SkillTable]) -> str:
    head = ["", "first", "last", "sessions", "QLIKE", "RMSE, points"]
    head += [f"{LABELS[name]}: {what}" for name in _AGAINST for what in ("saved", "p")]
    head += ["inside 80 %", "inside 95 %"]
    lines = [
        [escape(symbol), str(skill.first), str(skill.last), str(skill.rows),
         f"{skill.line('volcast').qlike:.4f}", f"{skill.line('volcast').rmse:.2f}",
         *(cell for name in _AGAINST for cell in (
             ("none", "") if name in skill.left_out else gain_cells(skill.line(name)))),
         f"{skill.coverage80:.1%}", f"{skill.coverage95:.1%}"]
        for symbol, skill in skills.items()
    ]  # fmt: skip
    return table(head, lines)
