"""A comparison of the forecast with a baseline in words, once for every reader."""

from collections.abc import Mapping, Sequence

from volcast.core.names import LABELS
from volcast.evaluation.statistics import SIGNIFICANT
from volcast.evaluation.table import Skill, SkillTable, shown_p

__all__ = [
    "TITLES",
    "better_choice",
    "leading",
    "significant",
    "span",
    "verdict",
    "versus",
    "why_fewer",
]

TITLES = {"all_baselines": "Sessions that all baselines have", "all": "All sessions"}
"""Titles of the tables of `volcast.evaluation.splits.overall`, in the order readers see them."""


def leading(tables: Mapping[str, SkillTable]) -> SkillTable:
    """Return the table that readers see first: the one that compares with all baselines."""
    return tables.get("all_baselines", tables["all"])


def span(table: SkillTable) -> str:
    """Return on which sessions the lines of a table are compared."""
    return f"{table.rows:,} sessions from {table.first} to {table.last}"


def why_fewer(tables: Mapping[str, SkillTable]) -> str:
    """Return why the leading table has fewer sessions than there are, and the result on all.

    A sentence; empty where it has all.
    """
    whole, fewer = tables["all"], leading(tables)
    if fewer is whole:
        return ""
    late = [LABELS[name] for name in whole.left_out if name not in fewer.left_out]
    return (
        f"The other {whole.rows - fewer.rows:,} sessions lack {' or '.join(late)}; over all "
        f"{span(whole)}, {verdict(whole, ['har_rv'])}."
    )


def better_choice(tables: Mapping[str, SkillTable]) -> str:
    """Return a sentence that names HAR in logs as the better choice, empty where volcast is.

    That regression needs nothing but the symbol's own prices, so a model behind it is not worth
    its cost. It is judged on all sessions, or else on those that all baselines have.

    Parameters
    ----------
    tables : mapping of SkillTable
        As `volcast.evaluation.splits.overall` has them.
    """
    for table in (tables["all"], leading(tables)):
        for line in table.lines:
            if line.name == "log_har":
                return _advice(table, line) if line.gain < 0 else ""
    return ""


def _advice(table: SkillTable, line: Skill) -> str:
    return (
        f"{LABELS[line.name]}, a regression on past prices alone, is the better choice for this "
        f"symbol: over {span(table)}, {versus(line)}."
    )


def verdict(skill: SkillTable, names: Sequence[str]) -> str:
    """Return the forecast compared with these baselines, as a clause; empty without any of them.

    Baselines that the table lacks are left out.
    """
    lines = [skill.line(name) for name in names if name not in skill.left_out]
    *wins, last_win = [versus(line) for line in lines if line.gain >= 0] or [""]
    saved = " and ".join(filter(None, (", ".join(wins), last_win)))
    lost = "; ".join(versus(line) for line in lines if line.gain < 0)
    return "; ".join(filter(None, (saved and f"volcast {saved}", lost)))


def versus(line: Skill, subject: str = "") -> str:
    """Return the forecast compared with a line's baseline, as a clause without a full stop.

    A loss is called one, by what share the forecast's QLIKE is over the baseline's. The p-value is
    the one-sided one of the clause itself, by the gate's test: a forecast that saves has the p of
    "it is no better", a baseline that is better has the p of "the baseline is no better".

    Parameters
    ----------
    line : Skill
        Of a baseline.
    subject : str
        The forecast's name, put before a verb that would else begin the clause.

    Examples
    --------
    >>> versus(Skill("har_rv", 0.372, 6.6, gain=0.192, p_better=0.00001), "volcast")
    "volcast saves 19.2 % of HAR-RV's QLIKE (p < .0001)"
    >>> versus(Skill("har_x", 0.285, 5.9, gain=-0.056, p_better=0.85))
    'HAR-X is better by 5.6 %, not significantly (p .15)'
    """
    label, share = LABELS[line.name], f"{100 * abs(line.gain):.1f} %"
    certainty = f"(p {shown_p(_own_p(line))})"
    if line.gain < 0:
        adverb = "significantly" if significant(line) else "not significantly"
        return f"{label} is better by {share}, {adverb} {certainty}"
    possessive = f"{label}'" if label.endswith("s") else f"{label}'s"
    saved = f"{subject} saves {share} of {possessive} QLIKE".lstrip()
    return (
        f"{saved} {certainty}" if significant(line) else f"{saved}, not significantly {certainty}"
    )


def significant(line: Skill) -> bool:
    """Return whether forecast and baseline differ significantly, by the gate's one-sided test."""
    return _own_p(line) < SIGNIFICANT


def _own_p(line: Skill) -> float:
    return 1 - line.p_better if line.gain < 0 else line.p_better
