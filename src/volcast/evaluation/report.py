"""The report of a run: one self-contained HTML page."""

from collections.abc import Sequence
from datetime import date
from html import escape

import numpy as np
import pandas as pd

from volcast.evaluation.losses import qlike_losses
from volcast.evaluation.table import SkillTable, compare, scored, with_all_baselines

__all__ = ["page", "render"]

_FAN_SESSIONS = 252
_WIDTH, _HEIGHT = 860, 260
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.25rem .8rem;text-align:right;border-bottom:1px solid #8884}
th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto;background:#8881}
.note{opacity:.75}
"""


def render(symbol: str, as_of: date, evaluation: pd.DataFrame) -> str:
    """Return the page for an evaluation.

    Parameters
    ----------
    symbol : str
        The target.
    as_of : date
        The session at whose close the run was made.
    evaluation : pandas.DataFrame
        Columns of an evaluation file, with at least one scored row.
    """
    skill = compare(evaluation)
    title = f"{escape(symbol)}: volatility of the next five sessions, as of {as_of}"
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{escape(_verdict(skill))}</p>",
        _skill_html(skill),
        _limits_html(skill),
        *_common_html(evaluation, skill),
        "<h2>The last year: forecast, 80 % interval and what came</h2>",
        _fan_svg(evaluation[evaluation["forecast"].notna()].tail(_FAN_SESSIONS)),
        "<h2>Year by year</h2>",
        _years_html(evaluation),
    ]
    return page(title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """Return a self-contained HTML page of these parts; ``title`` is HTML too."""
    head = f"<meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>"
    return (
        f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}</body></html>\n"
    )


def _verdict(skill: SkillTable) -> str:
    har = skill.line("har_rv")
    relation = "beats" if har.gain > 0 else "does NOT beat"
    return (
        f"Walking forward, volcast {relation} HAR-RV: {100 * har.gain:.1f} % of its QLIKE saved "
        f"(one-sided Diebold-Mariano p = {har.p_better:.4f}), over {skill.rows} sessions from "
        f"{skill.first} to {skill.last}."
    )


def _skill_html(skill: SkillTable) -> str:
    lines = "".join(
        f"<tr><td>{line.name}</td><td>{line.qlike:.4f}</td><td>{line.rmse:.2f}</td>"
        + ("<td></td><td></td>" if line.name == "volcast" else
           f"<td>{100 * line.gain:+.1f} %</td><td>{line.p_better:.4f}</td>")
        + "</tr>"
        for line in skill.lines
    )  # fmt: skip
    head = "<th></th><th>QLIKE</th><th>RMSE, points</th><th>QLIKE saved</th><th>DM p</th>"
    return f"<table><tr>{head}</tr>{lines}</table>"


def _limits_html(skill: SkillTable) -> str:
    left_out = f" Without a value on some row, so left out: {', '.join(skill.left_out)}." * bool(
        skill.left_out
    )
    return (
        f"<p class='note'>All on the same rows (hash {skill.rows_hash}). Intervals held "
        f"{100 * skill.coverage80:.1f} % and {100 * skill.coverage95:.1f} % of outcomes, for 80 "
        f"and 95 intended.{left_out}</p>"
    )


def _common_html(evaluation: pd.DataFrame, skill: SkillTable) -> list[str]:
    """Show every baseline too, on the rows that have them all, where some were left out."""
    rows = with_all_baselines(evaluation)
    if not skill.left_out or scored(rows).empty:
        return []
    common = compare(rows)
    title = f"<h2>{common.rows} sessions from {common.first}, on which all baselines stand</h2>"
    return [title, _skill_html(common), _limits_html(common)]


def _fan_svg(rows: pd.DataFrame) -> str:
    values = rows[["lo80", "hi80", "forecast", "rv_5d"]].to_numpy(dtype=float)
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    x = np.linspace(40, _WIDTH - 10, len(rows))

    def points(name: str) -> list[str]:
        y = _HEIGHT - 20 - rows[name].to_numpy(dtype=float) / top * (_HEIGHT - 40)
        return [f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True) if np.isfinite(b)]

    fan = " ".join([*points("lo80"), *reversed(points("hi80"))])
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='forecast and realized'>"
        f"<polygon points='{fan}' fill='#0072b2' opacity='.2'/>"
        f"<polyline points='{' '.join(points('rv_5d'))}' fill='none' stroke='#d55e00'/>"
        f"<polyline points='{' '.join(points('forecast'))}' fill='none' stroke='#0072b2' "
        "stroke-width='2'/>"
        f"<text x='2' y='24' font-size='12' fill='currentColor'>{100 * top:.0f} %</text>"
        f"<text x='2' y='{_HEIGHT - 16}' font-size='12' fill='currentColor'>0 %</text></svg>"
        "<p class='note'>Blue: forecast and its 80 % interval. Orange: realized.</p>"
    )


def _years_html(evaluation: pd.DataFrame) -> str:
    rows = scored(evaluation)
    variance = rows["rv_5d"].to_numpy(dtype=float) ** 2
    years = [session.year for session in rows["session"]]
    losses = pd.DataFrame(
        {
            name: qlike_losses(variance, rows[name].to_numpy(dtype=float) ** 2)
            for name in ("forecast", "har_rv", "log_har")
        }
    )
    means = losses.groupby(years).mean()
    lines = "".join(
        f"<tr><td>{year}</td><td>{m.forecast:.3f}</td><td>{m.har_rv:.3f}</td>"
        f"<td>{m.log_har:.3f}</td><td>{100 * (1 - m.forecast / m.har_rv):+.1f} %</td></tr>"
        for year, m in means.iterrows()
    )
    head = "<th>QLIKE</th><th>volcast</th><th>HAR-RV</th><th>log-HAR</th><th>saved of HAR-RV</th>"
    return f"<table><tr>{head}</tr>{lines}</table>"
