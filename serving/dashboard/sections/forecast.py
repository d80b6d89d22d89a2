"""The forecast in one line, whether it may be trusted as one, and why it is what it is."""

from html import escape

import streamlit as st

from serving.dashboard.charts import steps, waterfall
from serving.dashboard.markup import definitions, heading, notice, prose, table
from serving.dashboard.reads import Reader, drawn, fact
from serving.dashboard.words import day, of_drivers, signed_share
from volcast.core.errors import VolcastError
from volcast.core.names import LABELS
from volcast.monitoring import status
from volcast.monitoring.status.words import percent, session_words

__all__ = ["show_drivers", "show_headline"]


def show_headline(reader: Reader) -> None:
    """Show the newest forecast, the baselines, and how far to trust it."""
    try:
        outlook = fact(status.outlook, reader.uri, reader.symbol)
    except VolcastError as error:
        st.html(_h1(f"{reader.symbol}: the forecast cannot be read") + notice("wrong", str(error)))
        return
    if isinstance(outlook, status.Missing):
        st.html(_h1(f"{reader.symbol}: no forecast yet") + notice("missing", str(outlook)))
        return
    row = outlook.row
    notes = _stale(reader)
    if outlook.hindsight:
        trained = (
            "does not record which sessions it was trained on"
            if row["model_as_of"] is None
            else f"was trained on sessions up to {day(row['model_as_of'])}"
        )
        text = f"Hindsight: version {row['model_version']} {trained}, so this is no forecast that"
        notes = notice("warning", f"{text} could have been made then.") + notes
    facts = [
        ("As of the close of", day(row["session"])),
        ("Model version", row["model_version"]),
        *(
            (LABELS[name], "none" if (value := row[f"baseline_{name}"]) is None else percent(value))
            for name in ("har_rv", "har_x", "vix")
        ),
        ("95 % interval", f"{100 * row['lo95']:.1f} to {100 * row['hi95']:.1f} %"),
    ]
    probability = row.get(f"p_{row['regime']}")
    if probability is not None:
        facts.append((f"Probability of {row['regime']}", percent(probability)))
    st.html(_h1(outlook.headline) + notes + definitions(facts))


def _stale(reader: Reader) -> str:
    try:
        health = reader.health()
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


def show_drivers(reader: Reader) -> None:
    """Show the waterfall of the newest forecast."""
    st.html(heading(2, "What drives it"))
    if (outlook := reader.available(status.outlook, reader.symbol)) is None:
        return
    parts = status.drivers(outlook.row)
    text = of_drivers(parts)
    spec = drawn(waterfall, steps(parts), reader.dark)
    st.vega_lite_chart(spec, alt=text, key="waterfall")
    st.html(prose(text))
    with st.expander("The drivers as a table"):
        columns = ("driver", "feature", "its value", "log variance", "effect on volatility")
        st.html(table("Contributions add up in log variance", columns, [_row(p) for p in parts]))


def _row(part: status.Driver) -> tuple[str, ...]:
    whole = part.feature in ("base", "total")
    value = "" if part.value is None else f"{part.value:.3f}"
    name = "" if part.value is None else f"`{part.feature}`"
    effect = "" if whole else signed_share(part.effect)
    return part.words, name, value, f"{part.contribution:+.3f}", effect
