"""Evaluations stored by symbol, and several symbols compared on one page."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from urllib.parse import quote

import pandas as pd

from volcast.core.names import LABELS
from volcast.core.settings import Universe
from volcast.evaluation.charts import embed, gains, scripts
from volcast.evaluation.evaluate import evaluate
from volcast.evaluation.page import note, page, table
from volcast.evaluation.report import AGAINST, QLIKE_AND_P, gain_cells, render
from volcast.evaluation.rows import PERIODS, evaluation_bytes, evaluation_frame, implied
from volcast.evaluation.splits import by_period, overall
from volcast.evaluation.table import SkillTable
from volcast.evaluation.walkforward import Progress
from volcast.evaluation.words import TITLES, better_choice, leading, span, verdict
from volcast.store import Store

__all__ = ["compare_symbols", "evaluate_symbol", "render_comparison"]

_FIRST = date(1990, 1, 1)
_LEFT_OUT = "A baseline without a value on some session of a symbol is left out there."


def evaluate_symbol(
    store: Store, universe: Universe, as_of: date, *,
    seed: int = 7, ablation: bool = False, progress: Progress | None = None,
) -> SkillTable:  # fmt: skip
    """Evaluate the universe's target over its whole history; store the rows and the report.

    They lie under ``evaluations/<symbol>/``, and the same input gives the same bytes. With
    ``ablation`` each group of features is measured too, at nine times the cost.

    Raises
    ------
    NotFound, ConfigError, ContractError
        As `volcast.evaluation.evaluate.evaluate`.
    """
    result = evaluate(store, universe, _FIRST, as_of, seed=seed, progress=progress)
    result = result.with_garch(store, progress).with_regime_skill(progress)
    if ablation:
        result = result.with_ablations(seed, progress)
    folder = f"evaluations/{universe.target}"
    store.objects.put(f"{folder}/evaluation.parquet", evaluation_bytes(result.rows))
    store.objects.put(f"{folder}/report.html", render(result, progress).encode())
    return leading(overall(result.rows))


def compare_symbols(store: Store, symbols: Sequence[str]) -> dict[str, SkillTable]:
    """Compare stored evaluations in ``evaluations/survey.html``; return their tables by symbol.

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
    return {symbol: leading(overall(rows)) for symbol, rows in frames.items()}


def render_comparison(evaluations: Mapping[str, pd.DataFrame]) -> str:
    """Return one self-contained page that compares evaluations by symbol.

    Its links lead to the reports that `evaluate_symbol` stored.
    """
    tables = {symbol: by_period(rows) for symbol, rows in evaluations.items()}
    whole = {symbol: overall(rows) for symbol, rows in evaluations.items()}
    first = {symbol: leading(of_all) for symbol, of_all in whole.items()}
    indices = {symbol: implied(rows) for symbol, rows in evaluations.items()}
    sentences = "".join(
        f"<li>{_link(symbol)}, implied volatility {escape(indices[symbol])}, {span(skill)}: "
        f"{escape(verdict(skill, AGAINST))}. {escape(better_choice(whole[symbol]))}</li>"
        for symbol, skill in first.items()
    )
    title = "QLIKE saved of HAR-RV and of HAR-X, by symbol"
    lead = [
        f"<ul>{sentences}</ul>",
        embed("gains", title, gains(first)),
        note(f"{QLIKE_AND_P} {_LEFT_OUT}"),
    ]
    sections = {TITLES["all_baselines"]: [_table(first, indices)]}
    for name in PERIODS:
        in_period = {symbol: skills[name] for symbol, skills in tables.items() if name in skills}
        if in_period:
            sections[name] = [_table(in_period, indices)]
    return page(f"The same recipe on {', '.join(evaluations)}", lead, sections, scripts())


def _link(symbol: str) -> str:
    return f"<a href='{quote(symbol)}/report.html'>{escape(symbol)}</a>"


def _table(skills: Mapping[str, SkillTable], indices: Mapping[str, str]) -> str:
    head = ["", "implied volatility", "from", "to", "sessions", "QLIKE", "RMSE, points"]
    head += [f"{LABELS[name]}: {what}" for name in AGAINST for what in ("saved", "p")]
    head += ["inside 80 %", "inside 95 %"]
    lines = [
        [_link(symbol), escape(indices[symbol]), str(skill.first), str(skill.last),
         str(skill.rows), f"{skill.line('volcast').qlike:.4f}",
         f"{skill.line('volcast').rmse:.2f}",
         *(cell for name in AGAINST for cell in (
             ("none", "") if name in skill.left_out else gain_cells(skill.line(name)))),
         f"{skill.coverage80:.1%}", f"{skill.coverage95:.1%}"]
        for symbol, skill in skills.items()
    ]  # fmt: skip
    return table(head, lines)
