"""The champion's card, and how versions came and went."""

from typing import Any

import streamlit as st

from serving.dashboard import reads
from serving.dashboard.markup import definitions, heading, notice, prose, table
from serving.dashboard.sections.reader import Reader
from serving.dashboard.words import share, signed_share
from volcast.monitoring.status import Missing, ModelCard

__all__ = ["show_model"]

_NAMES = {
    "random_walk": "random walk",
    "mean22": "22-day mean",
    "ewma94": "EWMA, .94",
    "har_rv": "HAR-RV",
    "log_har": "HAR in logs",
    "har_x": "HAR-X",
    "vix": "VIX",
    "garch": "GARCH(1,1)",
    "gjr_garch": "GJR-GARCH(1,1)",
}


def show_model(reader: Reader) -> None:
    """Show what the champion is and how it was judged; read only."""
    st.html(heading(2, "Model card"))
    card = reads.card(reader.uri)
    if isinstance(card, Missing):
        st.html(notice("missing", str(card)))
        return
    left, right = st.columns(2, gap="large")
    periods = {
        name: part
        for name, part in card.metrics.items()
        if isinstance(part, dict) and "lines" in part
    }
    with left:
        st.html(_card(card) + (_skill("all", periods["all"]) if "all" in periods else ""))
        if others := "".join(_skill(name, periods[name]) for name in periods if name != "all"):
            with st.expander("Other periods, and all baselines"):
                st.html(others)
    with right:
        st.html(_versions(card) + _moves(card))


def _card(card: ModelCard) -> str:
    lineage, champion = card.lineage, card.champion
    pairs = [
        ("Champion", f"version {champion.version}"),
        ("Recipe", str(lineage.get("recipe", "not said"))),
        ("Trained on", champion.target or "not said"),
        ("Trained to", champion.as_of),
        ("Rows", f"{lineage['rows']:,}" if "rows" in lineage else "not said"),
        ("Data hash", str(lineage.get("data_sha256", "not said"))[:12]),
        ("Model hash", champion.sha256[:12]),
        ("Code", str(lineage.get("code_version", "not said"))),
    ]
    return definitions(pairs)


def _skill(period: str, skill: dict[str, Any]) -> str:
    rows = [
        (_NAMES.get(line["name"], line["name"]),
         _number(line, "qlike", ".3f"), _number(line, "rmse", ".2f"),
         "" if line["name"] == "volcast" else _number(line, "gain", "saved"),
         "" if line["name"] == "volcast" else _number(line, "p_better", "p"))
        for line in skill["lines"]
    ]  # fmt: skip
    columns = ("walk forward", "QLIKE", "RMSE, points", "QLIKE saved", "p")
    said = f"The gate's table, {period.replace('_', ' ')}: {skill.get('rows', 0):,} sessions"
    if skill.get("first") and skill.get("last"):
        said += f", {skill['first']} to {skill['last']}"
    held = [
        f"{share(skill[f'coverage{level}'])} (of {level} %)"
        for level in (80, 95)
        if skill.get(f"coverage{level}") is not None
    ]
    told = prose(f"Intervals held {' and '.join(held)} of outcomes.") if held else ""
    return table(said, columns, rows, ours="volcast") + told


def _number(line: dict[str, Any], name: str, form: str) -> str:
    value = line.get(name)
    if value is None:
        return ""
    if form == "saved":
        return signed_share(value)
    if form == "p":
        return "< .0001" if value < 0.0001 else f"{value:.4f}".removeprefix("0")
    return format(value, form)


def _versions(card: ModelCard) -> str:
    rows = [
        (
            f"version {one.version}",
            card.roles.get(one.version, ""),
            one.as_of,
            one.target,
            one.sha256[:12],
        )
        for one in card.versions
    ]
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
