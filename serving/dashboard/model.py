"""The champion's card, and how versions came and went."""

from math import isfinite

from serving.dashboard.markup import definitions, details, heading, notice, prose, table
from serving.dashboard.words import signed_share
from volcast.core.names import LABELS
from volcast.evaluation.table import SkillTable, shown_p
from volcast.evaluation.words import TITLES, better_choice, span, why_fewer
from volcast.monitoring.status import ModelCard
from volcast.monitoring.status.words import percent

__all__ = ["model_card"]


def model_card(card: ModelCard) -> str:
    """Return what the champion is and how it was judged."""
    stored = card.metrics.tables
    tables = {title: stored[name] for name, title in TITLES.items() if name in stored}
    first, *others = (_skill(*one) for one in (tables | card.metrics.periods).items())
    fewer = why_fewer(card.metrics.of_all_sessions)
    why = prose(fewer) if fewer else ""
    better = better_choice(card.metrics.of_all_sessions)
    why += notice("warning", better) if better else ""
    more = details("Other sessions", "".join(others)) if others else ""
    return (
        f'<div class="pair"><div>{_card(card)}{first}{why}{more}</div>'
        f"<div>{_versions(card)}{_moves(card)}</div></div>"
    )


def _card(card: ModelCard) -> str:
    lineage, champion = card.lineage, card.champion
    pairs = [
        ("Champion", f"version {champion.version}"),
        ("Recipe", lineage.recipe_name or "unknown"),
        ("Trained on", champion.target or "unknown"),
        ("Trained to", champion.as_of),
        ("Rows", f"{lineage.rows:,}" if lineage.rows else "unknown"),
        ("Data hash", lineage.data_sha256[:12] or "unknown"),
        ("Model hash", champion.sha256[:12]),
        ("Code", lineage.code_version or "unknown"),
    ]
    return definitions([(name, value, "") for name, value in pairs])


def _skill(sessions: str, skill: SkillTable) -> str:
    rows = [
        (LABELS.get(line.name, line.name), f"{line.qlike:.3f}", f"{line.rmse:.2f}",
         *(("", "") if line.name == "volcast"
           else (signed_share(line.gain), shown_p(line.p_better).removeprefix("0"))))
        for line in skill.lines
    ]  # fmt: skip
    columns = ("walk forward", "QLIKE loss", "RMSE, points", "QLIKE saved", "p")
    title = f"{sessions}: {span(skill)}"
    coverage = {80: skill.coverage80, 95: skill.coverage95}
    inside = [f"{percent(c)} (of {level} %)" for level, c in coverage.items() if isfinite(c)]
    text = prose(f"Intervals contained {' and '.join(inside)} of outcomes.") if inside else ""
    return table(title, columns, rows, ours="volcast") + text


def _versions(card: ModelCard) -> str:
    rows = [
        (f"version {one.version}", card.roles.get(one.version, ""), one.as_of, one.target,
         one.sha256[:12])
        for one in card.versions
    ]  # fmt: skip
    columns = ("version", "role", "trained to", "symbol", "hash")
    return heading(3, "Versions") + table("Newest first", columns, rows)


def _moves(card: ModelCard) -> str:
    rows = [
        (event.when[:16].replace("T", " "), event.kind + ("" if event.done else " (not done)"),
         f"{event.old or 'none'} → {event.new or 'none'}", event.who, event.why)
        for event in card.moves
    ]  # fmt: skip
    columns = ("when, UTC", "move", "version", "who", "why")
    return heading(3, "Promotions and rollbacks") + table("Newest first", columns, rows)
