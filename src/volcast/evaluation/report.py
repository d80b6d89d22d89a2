"""The report of a walk-forward: one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite

import altair as alt
import numpy as np
import pandas as pd

from volcast.core.names import LABELS, STATES
from volcast.evaluation import charts
from volcast.evaluation.evaluate import EvaluationResult
from volcast.evaluation.folds import usable
from volcast.evaluation.rows import scored
from volcast.evaluation.splits import (
    TERCILES,
    by_crisis,
    by_label,
    by_period,
    by_year,
    on_common_rows,
    phases,
    vix_tercile,
)
from volcast.evaluation.table import Skill, SkillTable, shown_p
from volcast.features.catalog import STATE_FEATURES

__all__ = ["AGAINST", "gain_cells", "page", "render", "table"]

AGAINST = ("har_rv", "log_har", "har_x")
"""The strongest baselines, which are compared without overlap and between symbols."""

_FAN_SESSIONS, _SHAP_SESSIONS = 252, 504
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem}
.wide{overflow-x:auto}
.chart{margin:1rem 0;width:100%}
img{max-width:100%}
table{border-collapse:collapse;margin:.6rem 0 1.2rem}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}
th{font-weight:600;white-space:normal;vertical-align:bottom}
th:first-child,td:first-child{text-align:left}
.note{opacity:.8;font-size:.9em}
"""


def render(result: EvaluationResult) -> str:
    """Return the page; the same result gives the same bytes.

    Raises
    ------
    ContractError
        If no row has both a forecast and an outcome.
    """
    skills, years = by_period(result.rows), by_year(result.rows)
    recent = result.rows[result.rows["forecast"].notna()].tail(_FAN_SESSIONS)
    title = f"{escape(result.symbol)}: volatility of the next five sessions, as of {result.as_of}"
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{escape(_summary(skills['all']))}</p>",
        *_skill_parts(result, skills),
        *_figure(
            "fan", "The last year: forecast, intervals and realized volatility", charts.fan(recent)
        ),
        *_split_parts(result, years, skills["all"].left_out),
        *_explanation_parts(result),
        *_regime_parts(result),
        "<h2>What each group of features is worth</h2>",
        _ablation_table(result),
    ]
    return page(title, parts, charts.scripts())


def page(title: str, parts: Sequence[str], scripts: str = "") -> str:
    """Return a self-contained HTML page of these parts; ``title`` is HTML too."""
    head = (
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style>{scripts}"
    )
    return (
        f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}</body></html>\n"
    )


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return an HTML table; cells are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines
    )
    return f"<div class='wide'><table><tr>{top}</tr>{body}</table></div>"


def gain_cells(line: Skill) -> tuple[str, str]:
    """Return the share of a line's QLIKE that is saved, and its p-value; empty for volcast."""
    if line.name == "volcast":
        return "", ""
    return _share(line.gain), escape(shown_p(line.p_better))


def _summary(skill: SkillTable) -> str:
    har = skill.line("har_rv")
    relation = "beats" if har.gain > 0 else "does NOT beat"
    text = (
        f"Walking forward, volcast {relation} HAR-RV: {100 * har.gain:.1f} % of its QLIKE saved "
        f"(one-sided Diebold-Mariano p {shown_p(har.p_better)}), over {skill.rows} sessions from "
        f"{skill.first} to {skill.last}."
    )
    others = [line for line in skill.lines[1:] if line.name != "har_rv"]
    lost = [LABELS[line.name] for line in others if line.gain <= 0]
    unsure = [LABELS[line.name] for line in others if line.gain > 0 and line.p_better >= 0.05]
    if lost:
        text += f" It does NOT beat {', '.join(lost)}."
    if unsure:
        text += f" Its lead over {', '.join(unsure)} may be chance (p of .05 or more)."
    return text


def _skill_parts(result: EvaluationResult, skills: Mapping[str, SkillTable]) -> list[str]:
    skills, common = dict(skills), on_common_rows(result.rows)
    parts = _skill_table(skills.pop("all"))
    if common:
        parts.append(f"<h2>{common.rows} sessions from {common.first} that all baselines have</h2>")
        parts += _skill_table(common)
    for name, skill in skills.items():
        parts += [f"<h2>{name}</h2>", *_skill_table(skill)]
    return [
        *parts,
        "<h2>Bias, and the set of models that may be the best</h2>",
        _diagnostics_table(result.diagnostics),
        "<p class='note'>Mincer-Zarnowitz: realized on forecast variance, HAC errors of 10 lags; "
        "an unbiased forecast has (0, 1). Model confidence set of Hansen, Lunde and Nason on "
        "QLIKE, stationary bootstrap, 1,000 draws of blocks of 22 sessions.</p>",
    ]


def _skill_table(skill: SkillTable) -> list[str]:
    """Return the table, and a note of its rows."""
    lines = [
        [LABELS[line.name], f"{line.qlike:.4f}", f"{line.rmse:.2f}", f"{line.r2_log:.3f}",
         *gain_cells(line)]
        for line in skill.lines
    ]  # fmt: skip
    labels = ", ".join(LABELS[name] for name in skill.left_out)
    left_out = f" Without a value on some row, so left out: {labels}." if labels else ""
    return [
        table(["", "QLIKE", "RMSE, points", "R² of logs", "QLIKE saved", "DM p"], lines),
        f"<p class='note'>{skill.rows} sessions, {skill.first} to {skill.last}, all lines on the "
        f"same rows (hash {skill.rows_hash}). Intervals hold {100 * skill.coverage80:.1f} % and "
        f"{100 * skill.coverage95:.1f} % of outcomes, for 80 and 95 intended.{left_out}</p>",
    ]


def _diagnostics_table(diagnostics: Mapping[str, Mapping[str, float]]) -> str:
    lines = [
        [
            LABELS[name],
            f"{line['intercept']:.4f} ± {line['intercept_error']:.4f}",
            f"{line['slope']:.2f} ± {line['slope_error']:.2f}",
            f"{line['r2']:.3f}",
            f"{line['p_unbiased']:.3f}",
            f"{line['confidence_set_p']:.3f}",
            " and ".join(f"{1 - p:.0%}" for p in (0.1, 0.25) if line["confidence_set_p"] > p)
            or "no",
        ]
        for name, line in diagnostics.items()
    ]
    head = ["", "intercept", "slope", "R²", "p of (0, 1)", "MCS p", "confidence set"]
    return table(head, lines)


def _figure(name: str, title: str, chart: alt.Chart | alt.LayerChart) -> list[str]:
    return [f"<h2>{title}</h2>", charts.embed(name, title, chart)]


def _split_parts(
    result: EvaluationResult, years: Mapping[str, SkillTable], left_out: Sequence[str]
) -> list[str]:
    rows = scored(result.rows)
    lower = sum(year.line("har_rv").gain > 0 for year in years.values())
    parts = [
        "<h2>Year by year</h2>",
        f"<p>Under HAR-RV in {lower} of {len(years)} years.</p>",
        charts.embed("gain-by-year", "QLIKE saved, by year", charts.gain_by_year(years)),
        _splits_table(years),
    ]
    crises = by_crisis(rows)
    parts += ["<h2>Crises</h2>", _splits_table(crises) if crises else _note("No crisis window.")]
    terciles = by_label(rows, vix_tercile(rows), TERCILES)
    regimes = by_label(rows, _regimes(result).reindex(rows.index), list(STATES))
    for title, splits in (("By the level of VIX", terciles), ("By regime", regimes)):
        if splits:
            parts += [f"<h2>{title}</h2>", _splits_table(splits)]
    parts += ["<h2>Without overlap</h2>", _phases_table(phases(rows), left_out)]
    covered = {year: skill for year, skill in years.items() if isfinite(skill.coverage80)}
    if covered:
        parts += _figure("coverage", "Intervals, year by year", charts.coverage_by_year(covered))
    return parts


def _splits_table(splits: Mapping[str, SkillTable]) -> str:
    """Return the QLIKE of each line that all splits have, the lowest of a split in bold."""
    every = [[line.name for line in split.lines] for split in splits.values()]
    names = [name for name in every[0] if all(name in other for other in every)]
    lines = []
    for title, split in splits.items():
        qlike = [split.line(name).qlike for name in names]
        cells = [f"<b>{v:.3f}</b>" if v == min(qlike) else f"{v:.3f}" for v in qlike]
        lines.append([escape(title), str(split.rows), *cells])
    return table(["", "sessions", *(LABELS[name] for name in names)], lines)


def _phases_table(phases: Mapping[str, SkillTable], left_out: Sequence[str]) -> str:
    names = [name for name in AGAINST if name not in left_out]
    head = ["every fifth session, from the", "sessions"]
    head += [f"{LABELS[name]}: {what}" for name in names for what in ("saved", "p")]
    lines = [
        [title, str(phase.rows), *(c for name in names for c in gain_cells(phase.line(name)))]
        for title, phase in phases.items()
    ]
    return table(head, lines)


def _explanation_parts(result: EvaluationResult) -> list[str]:
    if result.blend is None:
        return []
    recipe = result.blend.recipe
    recent = usable(result.features, recipe).tail(_SHAP_SESSIONS)
    why = result.blend.shap_explanation(recent[list(recipe.features)].to_numpy(dtype=float))
    title = f"The last model on the last {len(recent)} sessions: contribution of each feature"
    last = f"The forecast of {recent['session'].iloc[-1]}, from the base to its log variance"
    return [
        f"<h2>{title}</h2>",
        charts.shap_plot("beeswarm", title, why),
        f"<h2>{last}</h2>",
        charts.shap_plot("waterfall", last, why[-1]),
        "<p class='note'>Tree SHAP and linear terms, which add up to the log variance "
        f"exactly. Recipe {recipe.name}.</p>",
    ]


def _regime_parts(result: EvaluationResult) -> list[str]:
    regime = _regimes(result)
    present = regime.isin(STATES)
    if not present.any() or result.rows.empty:
        return []
    shown = result.features[present.cummax() & (result.features["session"] >= result.first)]
    price = 100 * np.exp(shown["ret_1"].fillna(0.0).cumsum().to_numpy(dtype=float))
    chart = charts.regimes(shown["session"], price, regime[shown.index].tolist())
    title = "Price, 100 at first, and the regime of each session"
    parts = ["<h2>Regimes</h2>", charts.embed("regimes", title, chart)]
    if result.regimes:
        lines = [
            [f"{escape(one.name)}, {one.period}", str(one.rows), str(one.events),
             f"{one.brier:.4f}", f"{one.auc:.3f}"]
            for one in result.regimes
        ]  # fmt: skip
        parts += [
            "<p>Forecasts of a turbulent week, one in the top quintile of volatility so far, by a "
            "logit on each, refitted quarterly:</p>",
            table(["", "sessions", "turbulent", "Brier", "AUC"], lines),
        ]
    return parts


def _ablation_table(result: EvaluationResult) -> str:
    if not result.ablations:
        return _note("Not measured in this run: `volcast evaluate --ablation`.")
    lines = [
        [f"{escape(one.group)}, {one.kind}, {one.period}", str(one.rows),
         f"{one.with_group:.4f}", f"{one.without:.4f}", _share(one.gain), f"{one.p_better:.3f}"]
        for one in result.ablations
    ]  # fmt: skip
    return table(["", "sessions", "with", "without", "saved by it", "DM p"], lines)


def _regimes(result: EvaluationResult) -> "pd.Series[str]":
    """Return the most probable state of each session; empty where there is none."""
    probabilities = result.features[list(STATE_FEATURES)].astype(float)
    probabilities.columns = pd.Index(STATES)
    whole = probabilities.notna().all(axis=1)
    states = probabilities[whole].idxmax(axis=1).astype(str)
    return states.reindex(whole.index, fill_value="")


def _note(text: str) -> str:
    return f"<p class='note'>{escape(text)}</p>"


def _share(value: float) -> str:
    return f"{100 * value:+.1f} %"
