"""The tables of the report, as HTML."""

from collections.abc import Mapping, Sequence
from html import escape

from volcast.core.names import LABELS
from volcast.evaluation.ablation import Ablation
from volcast.evaluation.regime_skill import RegimeSkill
from volcast.evaluation.splits import Phase, Split
from volcast.evaluation.table import Skill, SkillTable, shown_p

__all__ = [
    "ablation_table",
    "diagnostics_table",
    "gain_cells",
    "phases_table",
    "regime_table",
    "skill_table",
    "splits_table",
    "table",
]


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


def skill_table(skill: SkillTable) -> str:
    """Return the table of skill, each baseline compared with volcast."""
    lines = [
        [LABELS[line.name], f"{line.qlike:.4f}", f"{line.rmse:.2f}", f"{line.r2_log:.3f}",
         *gain_cells(line)]
        for line in skill.lines
    ]  # fmt: skip
    return table(["", "QLIKE", "RMSE, points", "R² of logs", "QLIKE saved", "DM p"], lines)


def diagnostics_table(diagnostics: Mapping[str, Mapping[str, float]]) -> str:
    """Return Mincer-Zarnowitz regressions and the model confidence set, a line each."""
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


def splits_table(splits: Sequence[Split]) -> str:
    """Return the QLIKE of every line on each part of the rows, the lowest in bold."""
    lines = []
    for split in splits:
        lowest = min(split.qlike.values())
        cells = [
            f"<b>{value:.3f}</b>" if value == lowest else f"{value:.3f}"
            for value in split.qlike.values()
        ]
        lines.append([escape(split.name), str(split.rows), *cells])
    return table(["", "sessions", *(LABELS[name] for name in splits[0].qlike)], lines)


def phases_table(phases: Sequence[Phase], baselines: Sequence[str]) -> str:
    """Return gains without overlap: every fifth session, from each of the five starts."""
    head = ["every fifth session, from the", "sessions"]
    head += [f"{LABELS[name]}: {what}" for name in baselines for what in ("saved", "p")]
    ordinals = ("first", "second", "third", "fourth", "fifth")
    lines = [
        [ordinals[phase.start], str(phase.rows)]
        + [
            cell
            for name in baselines
            for cell in (_share(phase.gain[name]), escape(shown_p(phase.p_better[name])))
        ]
        for phase in phases
    ]
    return table(head, lines)


def regime_table(skill: Sequence[RegimeSkill]) -> str:
    """Return Brier scores and AUC of each forecaster of turbulent weeks."""
    lines = [
        [f"{escape(one.name)}, {one.period}", str(one.rows), str(one.events),
         f"{one.brier:.4f}", f"{one.auc:.3f}"]
        for one in skill
    ]  # fmt: skip
    return table(["", "sessions", "turbulent", "Brier", "AUC"], lines)


def ablation_table(ablations: Sequence[Ablation]) -> str:
    """Return the QLIKE with and without each group of features."""
    lines = [
        [f"{escape(one.group)}, {one.kind}, {one.period}", str(one.rows),
         f"{one.with_group:.4f}", f"{one.without:.4f}", _share(one.gain), f"{one.p_better:.3f}"]
        for one in ablations
    ]  # fmt: skip
    return table(["", "sessions", "with", "without", "saved by it", "DM p"], lines)


def _share(value: float) -> str:
    return f"{100 * value:+.1f} %"
