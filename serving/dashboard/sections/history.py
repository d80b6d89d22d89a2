"""Forecast against outcome, regimes and the track record, over a span that the reader chooses."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from serving.dashboard import reads
from serving.dashboard.charts import fan, fan_rows, regimes, track_record
from serving.dashboard.markup import definitions, heading, notice, prose, table
from serving.dashboard.sections.reader import Reader
from serving.dashboard.words import of_fan, of_regimes, of_skill, of_track, share, signed_share
from volcast.facts import Missing, against, by_month, coverage
from volcast.facts.words import percent

__all__ = ["SPANS", "choose_span", "show_fan", "show_regimes", "show_track"]

SPANS = {
    "3 months": pd.DateOffset(months=3),
    "1 year": pd.DateOffset(years=1),
    "5 years": pd.DateOffset(years=5),
    "all": None,
}
"""Each counts from the newest session back."""

_METRICS = {"QLIKE": "qlike", "RMSE": "rmse"}
_ROWS = 252


def choose_span() -> str:
    """Show the switch; return what it is at."""
    chosen: str = st.radio("Span", list(SPANS), index=1, horizontal=True, key="span")
    return chosen


def show_fan(reader: Reader, span: str) -> None:
    """Show forecasts with their intervals beside what came."""
    st.html(heading(2, "Forecast against outcome"))
    found = reads.track(reader.uri, reader.symbol)
    if isinstance(found, Missing):
        st.html(notice("missing", str(found)))
        return
    rows = _within(found, span)
    said = of_fan(rows)
    st.altair_chart(fan(fan_rows(rows), reader.ink), alt=said, key="fan")
    st.html(prose(said))
    columns = ("as of", "kind", "forecast", "80 %", "95 %", "realized")
    _as_table("The forecasts as a table", "fan-table", columns, rows, _fan_row)


def show_regimes(reader: Reader, span: str) -> None:
    """Show the price over its regimes."""
    st.html(heading(2, "Regime of the market"))
    found = reads.ribbon(reader.uri, reader.symbol)
    if isinstance(found, Missing):
        st.html(notice("missing", str(found)))
        return
    rows = _within(found, span)
    said = of_regimes(rows)
    st.altair_chart(regimes(rows, reader.ink), alt=said, key="regimes")
    st.html(prose(said))
    columns = ("session", "close", "regime", "calm", "normal", "stressed")
    _as_table("The regimes as a table", "regime-table", columns, rows, _regime_row)


def show_track(reader: Reader, span: str) -> None:
    """Show losses by month beside the baselines, and what the intervals held."""
    st.html(heading(2, "Track record"))
    found = reads.track(reader.uri, reader.symbol)
    if isinstance(found, Missing):
        st.html(notice("missing", str(found)))
        return
    metric = st.radio("Loss", list(_METRICS), horizontal=True, key="metric")
    rows = _within(found, span)
    scores = against(rows)
    if not scores:
        st.html(notice("missing", "No outcome of this span is known yet. Wait five sessions."))
        return
    before = against(found.iloc[: len(found) - len(rows)])
    past = getattr(before[0], _METRICS[metric]) if before else None
    months = by_month(rows)
    said = of_track(months, _METRICS[metric], past)
    better, verdict = of_skill(scores)
    st.html(prose(verdict) if better else notice("warning", verdict))
    st.altair_chart(track_record(months, _METRICS[metric], past, reader.ink), alt=said, key="track")
    st.html(prose(said) + _held(found))
    columns = ("against", "sessions", "QLIKE", "volcast", "saved", "RMSE", "volcast")
    st.html(table("On the same sessions, over this span", columns, [
        (one.name, f"{one.n:,}", f"{one.other_qlike:.3f}", f"{one.qlike:.3f}",
         signed_share(one.saved), f"{one.other_rmse:.2f}", f"{one.rmse:.2f}")
        for one in scores
    ]))  # fmt: skip
    columns = ("month", "forecast", "sessions", "QLIKE", "RMSE, points")
    _as_table("The months as a table", "track-table", columns, months.sort_values("month"), _month)


def _within(rows: pd.DataFrame, span: str) -> pd.DataFrame:
    offset = SPANS[span]
    if offset is None:
        return rows
    first = (pd.Timestamp(rows["session"].iloc[-1]) - offset).date()
    return rows[rows["session"] > first]


def _held(rows: pd.DataFrame) -> str:
    known = rows.dropna(subset=["realized", "lo80"])
    pairs = []
    for name, part in ((f"all {len(known):,}", known), ("latest 252", known.tail(252))):
        found = coverage(part)
        if found is not None:
            pairs.extend(
                (f"{level} % held, {name} outcomes", share(found[level])) for level in (80, 95)
            )
    return definitions(pairs)


def _as_table(
    label: str,
    key: str,
    columns: tuple[str, ...],
    rows: pd.DataFrame,
    cells: Callable[[pd.Series], tuple[str, ...]],
) -> None:
    # Sent only once it is opened.
    opened = st.expander(label, key=key, on_change="rerun")
    if opened.open:
        shown = rows.tail(_ROWS).iloc[::-1]
        said = f"The newest {len(shown):,} of {len(rows):,} rows, newest first"
        with opened:
            st.html(table(said, columns, [cells(row) for _, row in shown.iterrows()]))


def _fan_row(row: pd.Series) -> tuple[str, ...]:
    return (
        str(row["session"]), row["origin"], percent(row["forecast"]),
        *(_between(row[f"lo{level}"], row[f"hi{level}"]) for level in (80, 95)),
        _or_blank(row["realized"]),
    )  # fmt: skip


def _regime_row(row: pd.Series) -> tuple[str, ...]:
    chances = (_or_blank(row[f"hmm_{name}"]) for name in ("calm", "normal", "stressed"))
    return str(row["session"]), f"{row['close']:,.2f}", row["regime"] or "", *chances


def _month(row: pd.Series) -> tuple[str, ...]:
    return (
        f"{row['month']:%b %Y}",
        row["name"],
        str(row["n"]),
        f"{row['qlike']:.3f}",
        (f"{row['rmse']:.2f}"),
    )


def _between(low: float, high: float) -> str:
    return "" if pd.isna(low) else f"{100 * low:.1f} - {100 * high:.1f} %"


def _or_blank(value: float) -> str:
    return "" if pd.isna(value) else percent(value)
