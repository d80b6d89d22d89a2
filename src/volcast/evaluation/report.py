"""The report of a walk-forward: one self-contained HTML page."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from volcast.evaluation import plots, tables
from volcast.evaluation.findings import Findings
from volcast.evaluation.folds import usable
from volcast.evaluation.rows import PERIODS, scored, with_all_baselines
from volcast.evaluation.splits import TERCILES, by_crisis, by_label, by_year, phases, vix_tercile
from volcast.evaluation.table import SkillTable, compare, shown_p
from volcast.features.catalog import STATE_FEATURES, STATES

__all__ = ["page", "render"]

_FAN_SESSIONS, _SHAP_SESSIONS = 252, 504
_PHASES_AGAINST = ("har_rv", "log_har", "har_x")
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;margin:.6rem 0 1.2rem}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}
th{font-weight:600;vertical-align:bottom}
th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto}
.note,.legend{opacity:.8;font-size:.9em}
.legend span{margin-right:1.2rem}
.legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px}
"""


def render(found: Findings) -> str:
    """Return the page; the same findings give the same bytes.

    Raises
    ------
    ContractError
        If no row has both a forecast and an outcome.
    """
    skill = compare(found.rows)
    title = f"{escape(found.symbol)}: volatility of the next five sessions, as of {found.as_of}"
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{escape(_verdict(skill))}</p>",
        *_skill_parts(found, skill),
        *_fan_parts(found),
        *_split_parts(found, skill),
        *_interval_parts(found.rows),
        *_why_parts(found),
        *_regime_parts(found),
        *_ablation_parts(found),
    ]
    return page(title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """Return a self-contained HTML page of these parts; ``title`` is HTML too."""
    head = (
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style>"
    )
    return (
        f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}</body></html>\n"
    )


def _verdict(skill: SkillTable) -> str:
    har = skill.line("har_rv")
    relation = "beats" if har.gain > 0 else "does NOT beat"
    said = (
        f"Walking forward, volcast {relation} HAR-RV: {100 * har.gain:.1f} % of its QLIKE saved "
        f"(one-sided Diebold-Mariano p {shown_p(har.p_better)}), over {skill.rows} sessions from "
        f"{skill.first} to {skill.last}."
    )
    others = [line.name for line in skill.lines[1:] if line.name != "har_rv"]
    lost = [name for name in others if skill.line(name).gain <= 0]
    unsure = [n for n in others if n not in lost and skill.line(n).p_better >= 0.05]
    if lost:
        said += f" It does NOT beat {', '.join(lost)}."
    if unsure:
        said += f" Its lead over {', '.join(unsure)} may be chance (p of .05 or more)."
    return said


def _skill_parts(found: Findings, skill: SkillTable) -> list[str]:
    rows = found.rows
    parts = [tables.skill_table(skill), _limits(skill)]
    if skill.left_out and len(scored(with_all_baselines(rows))):
        common = compare(with_all_baselines(rows))
        parts += [
            f"<h2>{common.rows} sessions from {common.first}, on which all baselines stand</h2>",
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
        tables.diagnostics_table(found.diagnostics),
        "<p class='note'>Mincer-Zarnowitz: realized on forecast variance, HAC errors of 10 lags; "
        "an unbiased forecast has (0, 1). Model confidence set of Hansen, Lunde and Nason on "
        "QLIKE, stationary bootstrap, 1,000 draws of blocks of 22 sessions.</p>",
    ]


def _limits(skill: SkillTable) -> str:
    left_out = f" Without a value on some row, so left out: {', '.join(skill.left_out)}." * bool(
        skill.left_out
    )
    return (
        f"<p class='note'>{skill.rows} sessions, {skill.first} to {skill.last}, all lines on the "
        f"same rows (hash {skill.rows_hash}). Intervals held {100 * skill.coverage80:.1f} % and "
        f"{100 * skill.coverage95:.1f} % of outcomes, for 80 and 95 intended.{left_out}</p>"
    )


def _fan_parts(found: Findings) -> list[str]:
    forecast = found.rows[found.rows["forecast"].notna()].tail(_FAN_SESSIONS)
    return ["<h2>The last year: forecast, intervals and what came</h2>", plots.fan(forecast)]


def _split_parts(found: Findings, skill: SkillTable) -> list[str]:
    rows = scored(found.rows)
    years = by_year(rows)
    won = sum(year.gain("har_rv") > 0 for year in years)
    stand = [name for name in _PHASES_AGAINST if name not in skill.left_out]
    parts = [
        "<h2>Year by year</h2>",
        f"<p>Under HAR-RV in {won} of {len(years)} years.</p>",
        plots.gain_by_year(years),
        tables.splits_table(years),
        "<h2>Crises</h2>",
        tables.splits_table(crises) if (crises := by_crisis(rows)) else _none("No crisis window."),
    ]
    known = rows[rows["vix"].notna()]
    if len(known):
        parts += [
            "<h2>By the level of VIX</h2>",
            tables.splits_table(by_label(known, vix_tercile(known), TERCILES)),
        ]
    regime = _regimes(found).reindex(rows.index)
    if regime.isin(list(STATES)).any():
        parts += ["<h2>By regime</h2>", tables.splits_table(by_label(rows, regime, list(STATES)))]
    return [
        *parts,
        "<h2>Without overlap</h2>",
        tables.phases_table(phases(rows), stand),
    ]


def _interval_parts(rows: pd.DataFrame) -> list[str]:
    ready = scored(rows)
    ready = ready[ready["lo80"].notna()]
    if ready.empty:
        return []
    return ["<h2>Intervals, year by year</h2>", plots.coverage_by_year(ready)]


def _why_parts(found: Findings) -> list[str]:
    if found.blend is None:
        return []
    recipe = found.blend.recipe
    recent = usable(found.features, recipe).tail(_SHAP_SESSIONS)
    x = recent[list(recipe.features)].to_numpy(dtype=float)
    return [
        f"<h2>Why: the last model on the last {len(recent)} sessions</h2>",
        plots.shap_summary(recipe.features, found.blend.explain(x).contributions, x),
        "<p class='note'>Tree SHAP and linear terms, which add up to the log variance "
        f"exactly. Recipe {recipe.name}.</p>",
    ]


def _regime_parts(found: Findings) -> list[str]:
    regime = _regimes(found)
    known = regime.isin(list(STATES))
    if not known.any() or found.rows.empty:
        return []
    shown = found.features[known.cummax() & (found.features["session"] >= found.first)]
    price = 100 * np.exp(shown["ret_1"].fillna(0.0).cumsum().to_numpy(dtype=float))
    parts = [
        "<h2>Regimes</h2>",
        plots.regime_ribbon(shown["session"], price, regime[shown.index].tolist()),
    ]
    if found.regimes:
        parts += [
            "<p>Forecasts of a turbulent week, one in the top quintile of volatility so far, by a "
            "logit on each, refitted quarterly:</p>",
            tables.regime_table(found.regimes),
        ]
    return parts


def _ablation_parts(found: Findings) -> list[str]:
    title = "<h2>What each group of features is worth</h2>"
    if not found.ablations:
        return [title, _none("Not measured in this run: `volcast evaluate --ablation`.")]
    return [title, tables.ablation_table(found.ablations)]


def _regimes(found: Findings) -> "pd.Series[str]":
    """Return the most probable state of each session; empty where there is none."""
    states = list(STATES)
    probabilities = found.features[list(STATE_FEATURES)].to_numpy(dtype=float)
    known = np.isfinite(probabilities).all(axis=1)
    which = np.where(known, np.argmax(np.where(known[:, None], probabilities, 0.0), axis=1), -1)
    return pd.Series(["" if i < 0 else states[i] for i in which], index=found.features.index)


def _none(text: str) -> str:
    return f"<p class='note'>{escape(text)}</p>"
