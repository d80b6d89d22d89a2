"""Forecast against outcome, regimes and the track record, over a span that the reader chooses."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from serving.dashboard.charts import fan, regimes, track_record
from serving.dashboard.markup import heading, notice, prose, table
from serving.dashboard.reads import Reader, drawn
from serving.dashboard.words import of_fan, of_regimes, of_skill, of_track, signed_share
from volcast.features.catalog import STATE_FEATURES
from volcast.monitoring import status
from volcast.monitoring.status import against, by_month, coverage
from volcast.monitoring.status.words import percent

__all__ = ["SPANS", "choose_span", "show_fan", "show_regimes", "show_scores", "show_track"]

SPANS = {
    "3 months": pd.DateOffset(months=3),
    "1 year": pd.DateOffset(years=1),
    "5 years": pd.DateOffset(years=5),
    "all": None,
}
"""Each counts from the newest session back."""

_METRICS = {"QLIKE": "qlike", "RMSE": "rmse"}
_ROWS, _DENSE = 252, 1300
_NO_OUTCOME = "There is no outcome of this span yet. One is five sessions after its forecast."


def choose_span() -> str:
    """Show the switch; return what it is at."""
    chosen: str = st.radio("Span", list(SPANS), index=1, horizontal=True, key="span")
    return chosen


def show_fan(reader: Reader, span: str) -> None:
    """Show forecasts with their intervals and the outcomes."""
    st.html(heading(2, "Forecast against outcome"))
    if (track := reader.available(status.track, reader.symbol)) is None:
        return
    rows = _within(track, span)
    text = of_fan(rows)
    shown = rows
    if len(rows) > _DENSE:
        # Outcomes of five sessions, five sessions apart, share none.
        shown = rows.iloc[::-5].iloc[::-1].reset_index(drop=True)
        text += " Every fifth is drawn, so that no two outcomes overlap."
    st.vega_lite_chart(drawn(fan, shown, reader.dark), alt=text, key="fan")
    st.html(prose(text))
    columns = ("as of", "kind", "forecast", "80 %", "95 %", "realized")
    _as_table("The forecasts as a table", "fan-table", columns, rows, _fan_row)


def show_regimes(reader: Reader, span: str) -> None:
    """Show the price over its regimes."""
    st.html(heading(2, "Regime of the market"))
    if (ribbon := reader.available(status.ribbon, reader.symbol)) is None:
        return
    rows = _within(ribbon, span)
    text = of_regimes(rows)
    st.vega_lite_chart(drawn(regimes, rows, reader.dark), alt=text, key="regimes")
    st.html(prose(text))
    columns = ("session", "close", "regime", *STATE_FEATURES.values())
    _as_table("The regimes as a table", "regime-table", columns, rows, _regime_row)


def show_track(reader: Reader, span: str) -> None:
    """Show losses by month, with the baselines'."""
    st.html(heading(2, "Track record"))
    if (track := reader.available(status.track, reader.symbol)) is None:
        return
    rows = _within(track, span)
    months = by_month(rows)
    if months.empty:
        st.html(notice("missing", _NO_OUTCOME))
        return
    metric = _METRICS[st.radio("Loss", list(_METRICS), horizontal=True, key="metric")]
    before = against(track.iloc[: len(track) - len(rows)])
    past = getattr(before[0], metric) if before else None
    text = of_track(months, metric, past)
    spec = drawn(track_record, months, metric, past, reader.dark)
    st.vega_lite_chart(spec, alt=text, key="track")
    st.html(prose(text))
    columns = ("month", "forecast", "sessions", "QLIKE", "RMSE, points")
    _as_table("The months as a table", "track-table", columns, months.sort_values("month"), _month)


def show_scores(reader: Reader, span: str) -> None:
    """Show whether volcast was better over the span, and the coverage of its intervals."""
    st.html(heading(2, "Was it better?"))
    if (track := reader.available(status.track, reader.symbol)) is None:
        return
    scores = against(_within(track, span))
    if not scores:
        st.html(notice("missing", _NO_OUTCOME))
        return
    better, text = of_skill(scores)
    columns = ("against", "sessions", "QLIKE", "our QLIKE", "saved", "RMSE", "our RMSE")
    cells = [
        (one.name, f"{one.n:,}", f"{one.other_qlike:.3f}", f"{one.qlike:.3f}",
         signed_share(one.saved), f"{one.other_rmse:.2f}", f"{one.rmse:.2f}")
        for one in scores
    ]  # fmt: skip
    st.html(
        (prose(text) if better else notice("warning", text))
        + table("On the same sessions of this span, lower is better", columns, cells)
        + _coverage(track)
    )


def _within(rows: pd.DataFrame, span: str) -> pd.DataFrame:
    offset = SPANS[span]
    if offset is None:
        return rows
    first = (pd.Timestamp(rows["session"].iloc[-1]) - offset).date()
    return rows[rows["session"] > first]


def _coverage(rows: pd.DataFrame) -> str:
    realized = rows.dropna(subset=["realized", "lo80"])
    cells = []
    for name, part in (("all", realized), ("latest 252", realized.tail(252))):
        inside = coverage(part)
        if inside is not None:
            cells.append((name, f"{len(part):,}", percent(inside[80]), percent(inside[95])))
    columns = ("outcomes", "sessions", "in 80 %", "in 95 %")
    return table("Outcomes inside the intervals, over the whole record", columns, cells)


def _as_table(
    label: str, key: str, columns: tuple[str, ...], rows: pd.DataFrame,
    cells: Callable[[pd.Series], tuple[str, ...]],
) -> None:  # fmt: skip
    # Sent only once it is opened.
    opened = st.expander(label, key=key, on_change="rerun")
    if opened.open:
        shown = rows.tail(_ROWS).iloc[::-1]
        text = f"The newest {len(shown):,} of {len(rows):,} rows, newest first"
        with opened:
            st.html(table(text, columns, [cells(row) for _, row in shown.iterrows()]))


def _fan_row(row: pd.Series) -> tuple[str, ...]:
    intervals = (
        "" if pd.isna(low) else f"{100 * low:.1f} - {100 * high:.1f} %"
        for low, high in ((row["lo80"], row["hi80"]), (row["lo95"], row["hi95"]))
    )
    forecast, realized = (_or_blank(row[name]) for name in ("forecast", "realized"))
    return str(row["session"]), row["origin"], forecast, *intervals, realized


def _regime_row(row: pd.Series) -> tuple[str, ...]:
    chances = (_or_blank(row[name]) for name in STATE_FEATURES)
    return str(row["session"]), f"{row['close']:,.2f}", row["regime"] or "", *chances


def _month(row: pd.Series) -> tuple[str, ...]:
    losses = f"{row['qlike']:.3f}", f"{row['rmse']:.2f}"
    return f"{row['month']:%b %Y}", row["name"], str(row["n"]), *losses


def _or_blank(value: float) -> str:
    return "" if pd.isna(value) else percent(value)
