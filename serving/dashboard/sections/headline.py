"""The forecast in one line, and whether it may be trusted as one."""

from html import escape

import streamlit as st

from serving.dashboard import reads
from serving.dashboard.markup import definitions, notice
from serving.dashboard.sections.reader import Reader
from serving.dashboard.words import day
from volcast.core.errors import VolcastError
from volcast.core.names import LABELS
from volcast.monitoring.status import Missing
from volcast.monitoring.status.words import percent, session_words

__all__ = ["show_headline"]


def show_headline(reader: Reader) -> None:
    """Show the newest forecast, the baselines, and how far to trust it."""
    try:
        outlook = reads.outlook(reader.uri, reader.symbol)
    except VolcastError as error:
        st.html(_h1(f"{reader.symbol}: the forecast cannot be read") + notice("wrong", str(error)))
        return
    if isinstance(outlook, Missing):
        st.html(_h1(f"{reader.symbol}: no forecast yet") + notice("missing", str(outlook)))
        return
    row = outlook.row
    notes = [
        notice(
            "warning",
            f"Hindsight: version {row['model_version']} "
            + (
                "does not say which sessions it was trained on"
                if row["model_as_of"] is None
                else f"was trained on sessions up to {day(row['model_as_of'])}"
            )
            + ", so this is no forecast that could have been made then.",
        )
    ] * outlook.hindsight
    facts = [
        ("As of the close of", day(row["session"])),
        ("Model version", row["model_version"]),
        *((LABELS[name], _or_none(row[f"baseline_{name}"])) for name in ("har_rv", "har_x", "vix")),
        ("95 % interval", f"{100 * row['lo95']:.1f} to {100 * row['hi95']:.1f} %"),
    ]
    probability = row.get(f"p_{row['regime']}")
    if probability is not None:
        facts.append((f"Probability of {row['regime']}", percent(probability)))
    st.html(_h1(outlook.headline) + "".join(notes) + _stale(reader) + definitions(facts))


def _stale(reader: Reader) -> str:
    try:
        health = reads.health(reader.uri, reader.universe, reader.symbol)
    except VolcastError:
        # The section on data has the error.
        return notice("warning", "Whether this forecast is up to date cannot be determined.")
    if not health.overdue:
        return ""
    return notice(
        "warning",
        f"Stale: this forecast is {session_words(health.overdue)} behind; the data should be at "
        f"{day(health.expected)}. Run `make run`, or `volcast infer`.",
    )


def _h1(text: str) -> str:
    kicker = '<p class="v-kicker">volcast · realized volatility</p>'
    return f'{kicker}<h1 class="v-headline">{escape(text)}</h1>'


def _or_none(value: float | None) -> str:
    return "none" if value is None else percent(value)
