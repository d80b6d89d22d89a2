"""Why the forecast is what it is."""

import streamlit as st

from serving.dashboard import reads
from serving.dashboard.charts import steps, waterfall
from serving.dashboard.markup import heading, prose, table
from serving.dashboard.sections.reader import Reader, available
from serving.dashboard.words import of_drivers, signed_share
from volcast.monitoring.status import Driver, drivers

__all__ = ["show_drivers"]


def show_drivers(reader: Reader) -> None:
    """Show the waterfall of the newest forecast."""
    st.html(heading(2, "What drives it"))
    if (outlook := available(reads.outlook(reader.uri, reader.symbol))) is None:
        return
    parts = drivers(outlook.row)
    text = of_drivers(parts)
    spec = reads.drawn(waterfall, steps(parts), reader.dark)
    st.vega_lite_chart(spec, alt=text, key="waterfall")
    st.html(prose(text))
    with st.expander("The drivers as a table"):
        columns = ("driver", "feature", "its value", "log variance", "effect on volatility")
        st.html(table("Contributions add up in log variance", columns, [_row(p) for p in parts]))


def _row(part: Driver) -> tuple[str, ...]:
    whole = part.feature in ("base", "total")
    value = "" if part.value is None else f"{part.value:.3f}"
    name = "" if part.value is None else f"`{part.feature}`"
    effect = "" if whole else signed_share(part.effect)
    return part.words, name, value, f"{part.contribution:+.3f}", effect
