"""Several symbols side by side: the same recipe, nothing changed but the target."""

from collections.abc import Mapping
from datetime import date
from html import escape

import pandas as pd

from volcast.evaluation.report import page
from volcast.evaluation.rows import PERIODS, scored
from volcast.evaluation.table import SkillTable, compare, shown_p

__all__ = ["render_survey"]

_AGAINST = ("har_rv", "log_har", "har_x")


def render_survey(evaluations: Mapping[str, pd.DataFrame]) -> str:
    """Return one self-contained page that compares the evaluations.

    Parameters
    ----------
    evaluations : mapping of str to pandas.DataFrame
        Columns of an evaluation file, by symbol, each with at least one scored row.
    """
    title = f"The same recipe on {', '.join(map(escape, evaluations))}"
    parts = [f"<h1>{title}</h1>", f"<p>{_verdict(evaluations)}</p>"]
    for name, (first, last) in {"All sessions": (date.min, date.max), **PERIODS}.items():
        tables = {
            symbol: compare(rows, first, last)
            for symbol, rows in evaluations.items()
            if scored(rows)["session"].between(first, last).any()
        }
        if tables:
            parts += [f"<h2>{name}</h2>", _table(tables)]
    parts.append(
        "<p class='note'>Saved: share of the baseline's QLIKE; p: one-sided Diebold-Mariano. "
        "A baseline without a value on some row of a symbol has none there.</p>"
    )
    return page(title, parts)


def _verdict(evaluations: Mapping[str, pd.DataFrame]) -> str:
    tables = {symbol: compare(rows) for symbol, rows in evaluations.items()}
    lost = [
        f"{name} on {escape(symbol)}"
        for symbol, table in tables.items()
        for name in _AGAINST
        if name not in table.left_out and table.line(name).gain <= 0
    ]
    if not lost:
        return "On every symbol the forecast has a lower QLIKE than HAR-RV, log-HAR and HAR-X."
    return f"The forecast does NOT beat {', '.join(lost)}."


def _table(tables: Mapping[str, SkillTable]) -> str:
    head = "".join(f"<th>{name}<br>saved</th><th>p</th>" for name in _AGAINST)
    lines = "".join(
        f"<tr><td>{escape(symbol)}</td><td>{table.first}</td><td>{table.last}</td>"
        f"<td>{table.rows}</td><td>{table.line('volcast').qlike:.4f}</td>"
        f"<td>{table.line('volcast').rmse:.2f}</td>"
        + "".join(_against(table, name) for name in _AGAINST)
        + f"<td>{table.coverage80:.1%}</td><td>{table.coverage95:.1%}</td></tr>"
        for symbol, table in tables.items()
    )
    return (
        "<table><tr><th></th><th>first</th><th>last</th><th>sessions</th><th>QLIKE</th>"
        f"<th>RMSE,<br>points</th>{head}<th>80 %<br>held</th><th>95 %<br>held</th></tr>"
        f"{lines}</table>"
    )


def _against(table: SkillTable, name: str) -> str:
    if name in table.left_out:
        return "<td>none</td><td></td>"
    line = table.line(name)
    return f"<td>{100 * line.gain:+.1f} %</td><td>{escape(shown_p(line.p_better))}</td>"
