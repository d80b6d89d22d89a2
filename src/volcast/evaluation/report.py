"""The report of a walk-forward: one self-contained HTML page."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from volcast.core.names import LABELS, STATES
from volcast.evaluation import charts, tables
from volcast.evaluation.evaluate import EvaluationResult
from volcast.evaluation.folds import usable
from volcast.evaluation.rows import PERIODS, scored, with_all_baselines
from volcast.evaluation.splits import TERCILES, by_crisis, by_label, by_year, phases, vix_tercile
from volcast.evaluation.table import SkillTable, compare, shown_p
from volcast.features.catalog import STATE_FEATURES

__all__ = ["page", "render"]

_FAN_SESSIONS, _SHAP_SESSIONS = 252, 504
_PHASES_AGAINST = ("har_rv", "log_har", "har_x")
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
    skill = compare(result.rows)
    title = f"{escape(result.symbol)}: volatility of the next five sessions, as of {result.as_of}"
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{escape(_summary(skill))}</p>",
        *_skill_parts(result, skill),
        *_fan_parts(result),
        *_split_parts(result, skill),
        *_interval_parts(result),
        *_explanation_parts(result),
        *_regime_parts(result),
        *_ablation_parts(result),
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


def _skill_parts(result: EvaluationResult, skill: SkillTable) -> list[str]:
    rows = result.rows
    parts = [tables.skill_table(skill), _limits(skill)]
    if skill.left_out and len(scored(with_all_baselines(rows))):
        common = compare(with_all_baselines(rows))
        parts += [
            f"<h2>{common.rows} sessions from {common.first} that all baselines have</h2>",
            tables.skill_table(common),
            _limits(common),
        ]
    for name, span in PERIODS.items():
        if scored(rows)["session"].between(*span).any():
            part = compare(rows, *span)
            parts += [f"<h2>{name}</h2>", tables.skill_table(part), _limits(part)]
    return [
        *parts,
        "<h2>Bias, and the set of models that may be the best</h2>",
        tables.diagnostics_table(result.diagnostics),
        "<p class='note'>Mincer-Zarnowitz: realized on forecast variance, HAC errors of 10 lags; "
        "an unbiased forecast has (0, 1). Model confidence set of Hansen, Lunde and Nason on "
        "QLIKE, stationary bootstrap, 1,000 draws of blocks of 22 sessions.</p>",
    ]


def _limits(skill: SkillTable) -> str:
    labels = ", ".join(LABELS[name] for name in skill.left_out)
    left_out = f" Without a value on some row, so left out: {labels}." if labels else ""
    return (
        f"<p class='note'>{skill.rows} sessions, {skill.first} to {skill.last}, all lines on the "
        f"same rows (hash {skill.rows_hash}). Intervals hold {100 * skill.coverage80:.1f} % and "
        f"{100 * skill.coverage95:.1f} % of outcomes, for 80 and 95 intended.{left_out}</p>"
    )


def _fan_parts(result: EvaluationResult) -> list[str]:
    forecast = result.rows[result.rows["forecast"].notna()].tail(_FAN_SESSIONS)
    title = "The last year: forecast, intervals and realized volatility"
    return [f"<h2>{title}</h2>", charts.embed("fan", title, charts.fan(forecast))]


def _split_parts(result: EvaluationResult, skill: SkillTable) -> list[str]:
    rows = scored(result.rows)
    years, crises = by_year(rows), by_crisis(rows)
    lower = sum(year.gain("har_rv") > 0 for year in years)
    parts = [
        "<h2>Year by year</h2>",
        f"<p>Under HAR-RV in {lower} of {len(years)} years.</p>",
        charts.embed("gain-by-year", "QLIKE saved, by year", charts.gain_by_year(years)),
        tables.splits_table(years),
        "<h2>Crises</h2>",
        tables.splits_table(crises) if crises else _none("No crisis window."),
    ]
    present = rows[rows["vix"].notna()]
    if len(present):
        terciles = by_label(present, vix_tercile(present), TERCILES)
        parts += ["<h2>By the level of VIX</h2>", tables.splits_table(terciles)]
    regime = _regimes(result).reindex(rows.index)
    if regime.isin(STATES).any():
        parts += ["<h2>By regime</h2>", tables.splits_table(by_label(rows, regime, list(STATES)))]
    against = [name for name in _PHASES_AGAINST if name not in skill.left_out]
    return [*parts, "<h2>Without overlap</h2>", tables.phases_table(phases(rows), against)]


def _interval_parts(result: EvaluationResult) -> list[str]:
    rows = scored(result.rows)
    ready = rows[rows["lo80"].notna()]
    if ready.empty:
        return []
    title = "Intervals, year by year"
    return [f"<h2>{title}</h2>", charts.embed("coverage", title, charts.coverage_by_year(ready))]


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
        parts += [
            "<p>Forecasts of a turbulent week, one in the top quintile of volatility so far, by a "
            "logit on each, refitted quarterly:</p>",
            tables.regime_table(result.regimes),
        ]
    return parts


def _ablation_parts(result: EvaluationResult) -> list[str]:
    title = "<h2>What each group of features is worth</h2>"
    if not result.ablations:
        return [title, _none("Not measured in this run: `volcast evaluate --ablation`.")]
    return [title, tables.ablation_table(result.ablations)]


def _regimes(result: EvaluationResult) -> "pd.Series[str]":
    """Return the most probable state of each session; empty where there is none."""
    states = list(STATES)
    probabilities = result.features[list(STATE_FEATURES)].to_numpy(dtype=float)
    present = np.isfinite(probabilities).all(axis=1)
    which = np.where(present, np.argmax(np.where(present[:, None], probabilities, 0.0), axis=1), -1)
    return pd.Series(["" if i < 0 else states[i] for i in which], index=result.features.index)


def _none(text: str) -> str:
    return f"<p class='note'>{escape(text)}</p>"
