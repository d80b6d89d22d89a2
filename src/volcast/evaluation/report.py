"""The report of a walk-forward: one self-contained HTML page."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from math import isfinite

import numpy as np
import pandas as pd

from volcast.core.names import LABELS, STATES
from volcast.evaluation import charts
from volcast.evaluation.evaluate import EvaluationResult
from volcast.evaluation.folds import usable
from volcast.evaluation.page import note, page, table
from volcast.evaluation.rows import PERIODS, scored
from volcast.evaluation.splits import (
    TERCILES,
    by_crisis,
    by_label,
    by_period,
    by_year,
    overall,
    phases,
    vix_tercile,
)
from volcast.evaluation.statistics import SIGNIFICANT
from volcast.evaluation.table import Skill, SkillTable, shown_p
from volcast.evaluation.walkforward import Progress
from volcast.evaluation.words import TITLES, better_choice, leading, span, verdict, why_fewer
from volcast.features.catalog import STATE_FEATURES

__all__ = ["AGAINST", "QLIKE_AND_P", "gain_cells", "render"]

AGAINST = ("har_rv", "log_har", "har_x")
"""The strongest baselines, which are compared without overlap and between symbols."""

QLIKE_AND_P = (
    "QLIKE is the loss v/f - log(v/f) - 1 of a forecast f of the variance v: 0 is perfect, lower "
    "is better. QLIKE saved is the share of the baseline's. p is the one-sided Diebold-Mariano "
    "p-value by the test of the promotion gate, in tables that of volcast being no better; under "
    f"{SIGNIFICANT} is called significant."
)

_IN_SHORT = ("har_rv", "log_har", "har_x", "vix", "gjr_garch")
_LATEST = max(PERIODS)
_FAN_SESSIONS, _SHAP_SESSIONS = 252, 504

Sections = dict[str, Sequence[str]]


def render(result: EvaluationResult, progress: Progress | None = None) -> str:
    """Return the page; the same result gives the same bytes.

    ``progress`` is called with the parts of the page done, and of all.

    Raises
    ------
    ContractError
        If no row has both a forecast and an outcome.
    """
    tables, years = overall(result.rows), by_year(result.rows)
    periods = by_period(result.rows)
    recent = result.rows[result.rows["forecast"].notna()].tail(_FAN_SESSIONS)
    index = f"Implied volatility in HAR-X and VIX: {result.iv or 'none'}."
    lead = [
        _verdict(tables, periods),
        charts.embed("skill", "QLIKE saved of each baseline", charts.skill(leading(tables))),
        note(f"{QLIKE_AND_P} {index}"),
    ]
    fan = "Forecast, intervals and realized volatility of the last year"
    parts: Sequence[Callable[[], Sections]] = (
        lambda: {"The last year": [charts.embed("fan", fan, charts.fan(recent))]},
        lambda: _skill_sections(result, tables, periods),
        lambda: _split_sections(result, years, tables["all"].left_out),
        lambda: _explanation_sections(result),
        lambda: _regime_sections(result),
    )
    sections: Sections = {}
    for done, part in enumerate(parts):
        if progress:
            progress("parts of the report", done, len(parts))
        sections |= part()
    if result.ablations:
        sections["What each group of features is worth"] = [_ablation_table(result)]
    title = (
        f"{result.symbol}: forecasts of the next five sessions' volatility, as of {result.as_of}"
    )
    return page(title, lead, sections, charts.scripts())


def gain_cells(line: Skill) -> tuple[str, str]:
    """Return the share of a line's QLIKE that is saved, and its p-value; empty for volcast."""
    if line.name == "volcast":
        return "", ""
    return _share(line.gain), escape(shown_p(line.p_better))


def _verdict(tables: Mapping[str, SkillTable], periods: Mapping[str, SkillTable]) -> str:
    """Return how good the forecast has been in words: where all baselines are, on all, lately."""
    first, which = leading(tables), ", which all baselines have," if len(tables) > 1 else ","
    sentences = [f"Walking forward over {span(first)}{which} {verdict(first, _IN_SHORT)}."]
    sentences.append(why_fewer(tables))
    if _LATEST in periods:
        sentences.append(f"Over {_LATEST} alone, {verdict(periods[_LATEST], _IN_SHORT)}.")
    sentences.append(better_choice(tables))
    text = " ".join(filter(None, sentences))
    unbroken = text.replace("(p ", "(p\u00a0").replace("< ", "<\u00a0")
    return f"<p class='lead'>{escape(unbroken)}</p>"


def _skill_sections(
    result: EvaluationResult, tables: Mapping[str, SkillTable], periods: Mapping[str, SkillTable]
) -> Sections:
    shown = {title: tables[name] for name, title in TITLES.items() if name in tables} | {**periods}
    sections: Sections = {title: _skill_table(skill) for title, skill in shown.items()}
    return sections | {
        "Bias, and the set of models that may be the best": [
            _diagnostics_table(result.diagnostics),
            note(
                "Mincer-Zarnowitz: realized on forecast variance, HAC errors of 10 lags; an "
                "unbiased forecast has (0, 1). Model confidence set (MCS) of Hansen, Lunde and "
                "Nason on QLIKE, stationary bootstrap, 1,000 draws of blocks of 22 sessions."
            ),
        ]
    }


def _skill_table(skill: SkillTable) -> list[str]:
    lines = [
        [LABELS[line.name], f"{line.qlike:.4f}", f"{line.rmse:.2f}", f"{line.r2_log:.3f}",
         *gain_cells(line)]
        for line in skill.lines
    ]  # fmt: skip
    labels = ", ".join(LABELS[name] for name in skill.left_out)
    left_out = f" Without a value on some row, so left out: {labels}." if labels else ""
    return [
        table(["", "QLIKE", "RMSE, points", "R² of logs", "QLIKE saved", "p"], lines),
        note(
            f"{span(skill)}, all lines on the same rows "
            f"(hash {skill.rows_hash}). Intervals hold {100 * skill.coverage80:.1f} % and "
            f"{100 * skill.coverage95:.1f} % of outcomes, for 80 and 95 intended.{left_out}"
        ),
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


def _split_sections(
    result: EvaluationResult, years: Mapping[str, SkillTable], left_out: Sequence[str]
) -> Sections:
    rows = scored(result.rows)
    lower = sum(year.line("har_rv").gain > 0 for year in years.values())
    sections: Sections = {
        "Year by year": [
            f"<p>QLIKE is under HAR-RV's in {lower} of {len(years)} years.</p>",
            charts.embed("gain-by-year", "QLIKE saved, by year", charts.gains(years)),
            _splits_table(years),
        ]
    }
    crises = by_crisis(rows)
    terciles = by_label(rows, vix_tercile(rows), TERCILES)
    regimes = by_label(rows, _regimes(result).reindex(rows.index), list(STATES))
    by_regime = {STATES[name]: skill for name, skill in regimes.items()}
    for title, splits in (
        ("Crises", crises), ("By the level of VIX", terciles), ("By regime", by_regime),
    ):  # fmt: skip
        if splits:
            sections[title] = [_splits_table(splits)]
    sections["Without overlap"] = [_phases_table(phases(rows), left_out)]
    covered = {year: skill for year, skill in years.items() if isfinite(skill.coverage80)}
    if covered:
        title = "Intervals, year by year"
        chart = charts.coverage_by_year(covered)
        sections[title] = [charts.embed("coverage", title, chart)]
    return sections


def _splits_table(splits: Mapping[str, SkillTable]) -> str:
    """Return the QLIKE of each line that a split has, the lowest of a split in bold."""
    tables = [{line.name: line.qlike for line in split.lines} for split in splits.values()]
    names = [name for name in LABELS if any(name in qlike for qlike in tables)]
    lines = []
    for (title, split), qlike in zip(splits.items(), tables, strict=True):
        best = min(qlike.values())
        cells = [f"{qlike[name]:.3f}" if name in qlike else "none" for name in names]
        cells = [
            f"<b>{cell}</b>" if qlike.get(name) == best else cell
            for name, cell in zip(names, cells, strict=True)
        ]
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


def _explanation_sections(result: EvaluationResult) -> Sections:
    if result.blend is None:
        return {}
    recipe = result.blend.recipe
    recent = usable(result.features, recipe).tail(_SHAP_SESSIONS)
    why = result.blend.shap_explanation(recent[list(recipe.features)].to_numpy(dtype=float))
    title = f"Contributions to the last model's forecasts of {len(recent)} sessions"
    last = f"The forecast of {recent['session'].iloc[-1]}, from the base to its log variance"
    index = [note(f"Implied volatility is that of {result.iv}.")] if result.iv else []
    return {
        "What moves the forecast": [
            f"<p>{title}:</p>",
            charts.shap_plot("beeswarm", title, why),
            *index,
        ],
        "The last forecast, by feature": [
            f"<p>{last}:</p>",
            charts.shap_plot("waterfall", last, why[-1]),
            note(
                "Tree SHAP and linear terms, which add up to the log variance exactly: from the "
                f"base, E[f(X)], to the forecast, f(x). Recipe {recipe.name}."
            ),
        ],
    }


def _regime_sections(result: EvaluationResult) -> Sections:
    regime = _regimes(result)
    present = regime.isin(STATES)
    if not present.any() or result.rows.empty:
        return {}
    shown = result.features[present.cummax() & (result.features["session"] >= result.first)]
    price = 100 * np.exp(shown["ret_1"].fillna(0.0).cumsum().to_numpy(dtype=float))
    chart = charts.regimes(shown["session"], price, regime[shown.index].tolist())
    title = "Price and the regime of each session"
    parts = [charts.embed("regimes", title, chart)]
    if result.regimes:
        lines = [
            [escape(one.name), _period(one.period), str(one.rows), str(one.events),
             f"{one.brier:.4f}", f"{one.auc:.3f}"]
            for one in result.regimes
        ]  # fmt: skip
        parts += [
            "<p>Forecasts of a turbulent week, one in the top quintile of volatility so far, by a "
            "logit on each, refitted quarterly. Brier: mean squared error of the probability, "
            "lower is better; AUC: .5 without skill, 1 perfect.</p>",
            table(["", "period", "sessions", "turbulent", "Brier", "AUC"], lines),
        ]
    return {title: parts}


def _ablation_table(result: EvaluationResult) -> str:
    lines = [
        [escape(one.group), one.kind, _period(one.period), str(one.rows),
         f"{one.with_group:.4f}", f"{one.without:.4f}", _share(one.gain), shown_p(one.p_better)]
        for one in result.ablations
    ]  # fmt: skip
    head = [
        "group",
        "from the recipe",
        "period",
        "sessions",
        "QLIKE with",
        "without",
        "saved by it",
        "p",
    ]
    return table(head, lines)


def _period(name: str) -> str:
    return "all sessions" if name == "all" else name


def _regimes(result: EvaluationResult) -> "pd.Series[str]":
    """Return the most probable state of each session; empty where there is none."""
    probabilities = result.features[list(STATE_FEATURES)].astype(float)
    probabilities.columns = pd.Index(STATES)
    whole = probabilities.notna().all(axis=1)
    states = probabilities[whole].idxmax(axis=1).astype(str)
    return states.reindex(whole.index, fill_value="")


def _share(value: float) -> str:
    return f"{100 * value:+.1f} %"
