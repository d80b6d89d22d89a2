"""The four charts as Vega-Lite, each from rows alone; colours are those of Okabe and Ito.

No chart depends on colour alone: lines differ by dash, marks by shape, bars by sign and label,
regimes by lane. Rows are tables of `volcast.monitoring.status`; ``dark`` is the page's theme.
"""

from collections.abc import Sequence
from math import exp
from typing import Any

import altair as alt
import pandas as pd

from volcast.core.names import LABELS
from volcast.evaluation.charts import BLUE, GREEN, REGIME_COLOURS, SKY, VERMILION
from volcast.monitoring.status import Driver
from volcast.monitoring.status.words import percent

__all__ = ["fan", "regimes", "runs", "steps", "track_record", "waterfall"]

# Thirty years are 7,500 sessions; Altair's own bound is 5,000 rows.
alt.data_transformers.disable_max_rows()

_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0]
_FINE = [n / 100 for n in (*range(3, 15), 16, 18, 20, 25, 30, 40, 50, 70, 100)]
_PERCENT = "format(100 * datum.value, '~g') + ' %'"
_UNIT = "volatility a year, log scale"
_TOP = alt.Legend(title=None, orient="top", labelLimit=260)
_SQUARES = alt.Legend(title=None, orient="top", symbolType="square", symbolOpacity=0.6)
_STROKES = alt.Legend(title=None, orient="top", symbolType="stroke", symbolSize=300)
_LINES = {
    LABELS["volcast"]: (BLUE, [1, 0]),
    LABELS["har_rv"]: (VERMILION, [6, 3]),
    LABELS["har_x"]: (GREEN, [2, 2]),
    LABELS["vix"]: ("#CC79A7", [8, 2, 2, 2]),
}
"""Colour and dashes of each forecast of the track record; ours is lighter on a dark page."""
_LANES = 16
"""Lanes that would fill the regime chart; three are drawn, and the price is above them."""


def fan(rows: pd.DataFrame, dark: bool) -> alt.LayerChart:
    """Draw forecasts with their intervals, and the outcomes, from one row or more of `track`."""
    names = ["forecast", "lo80", "hi80", "lo95", "hi95", "realized"]
    drawn = rows[names].astype(float).round(5)
    # Five closes alike are no volatility, which has no place on a log scale.
    low, high = drawn[drawn > 0].min().min(), drawn.max().max()
    scale = alt.Scale(type="log", domain=[low * 0.95, high * 1.05], nice=False)
    axis = alt.Axis(values=_TICKS, labelExpr=_PERCENT, title=_UNIT)
    y = {name: alt.Y(f"{name}:Q", scale=scale, axis=axis) for name in names}
    days = pd.to_datetime(rows["session"])
    first, last = days.iloc[0], days.iloc[-1]
    # Room on the right, for the label of the newest forecast.
    until = last + 0.07 * (last - first) + pd.Timedelta(days=1)
    span = alt.Scale(domain=[_time(first), _time(until)])
    drawn = drawn.assign(session=days, origin=rows["origin"] + " forecast", newest=days == last)
    base = alt.Chart(drawn).encode(x=alt.X("session:T", title=None, scale=span))
    fills = alt.Scale(domain=["80 %", "95 %"], range=[BLUE, SKY])
    bands = [
        base.transform_calculate(band=f"'{level} %'")
        .mark_area(fillOpacity=opacity)
        .encode(
            y=y[f"lo{level}"],
            y2=alt.Y2(f"hi{level}:Q"),
            fill=alt.Fill("band:N", scale=fills, legend=_SQUARES),
        )
        for level, opacity in ((95, 0.25), (80, 0.3))
    ]
    kinds = ["published forecast", "walk-forward forecast"]
    dashes = alt.Scale(domain=kinds, range=[[1, 0], [5, 2]])
    line = base.mark_line(color=_ours(dark), strokeWidth=1.8).encode(
        y=y["forecast"], strokeDash=alt.StrokeDash("origin:N", scale=dashes, legend=_TOP)
    )
    outcomes = (
        base.transform_calculate(came="'realized'")
        .mark_point(filled=True, color=_ink(dark), size=18 if len(rows) < 400 else 5, opacity=0.75)
        .encode(
            y=y["realized"],
            shape=alt.Shape("came:N", scale=alt.Scale(range=["circle"]), legend=_TOP),
        )
    )
    hover = base.mark_rule(opacity=0, strokeWidth=max(1, 900 / len(rows))).encode(
        tooltip=[
            alt.Tooltip("session:T", title="as of", format="%-d %b %Y"),
            alt.Tooltip("origin:N", title="kind"),
            *(alt.Tooltip(f"{name}:Q", format=".1%") for name in names),
        ]
    )
    newest = base.transform_filter("datum.newest").encode(y=y["forecast"])
    point = newest.mark_point(filled=True, shape="diamond", size=110, color=_ours(dark), opacity=1)
    label = newest.mark_text(align="left", dx=9, fontWeight="bold", color=_ink(dark)).encode(
        text=alt.value(percent(rows["forecast"].iloc[-1]))
    )
    return _layered([*bands, line, outcomes, hover, point, label], 330, dark)


def steps(parts: Sequence[Driver]) -> pd.DataFrame:
    """Return the bars of the waterfall: words, start, end, kind and label.

    Start and end are volatilities, in log variance one contribution apart; the last end is the
    forecast. Kind is level, raises or lowers.
    """
    level, rows = 0.0, []
    for part in parts:
        before = level
        level = part.contribution if part.feature == "total" else level + part.contribution
        whole = part.feature in ("base", "total")
        rows.append(
            {
                "words": part.words,
                "start": exp((level if whole else before) / 2),
                "end": exp(level / 2),
                "kind": "level" if whole else "raises" if part.contribution > 0 else "lowers",
                "label": percent(exp(level / 2)) if whole else f"{100 * part.effect:+.1f} %",
            }
        )
    return pd.DataFrame(rows)


def waterfall(rows: pd.DataFrame, dark: bool) -> alt.LayerChart:
    """Draw how the drivers lead from an average day to the forecast, from `steps`."""
    ends = rows[["start", "end"]]
    low, high = ends.min().min(), ends.max().max()
    # A fifth more, for the labels.
    room = max((high / low) ** 0.2, 1.1)
    scale = alt.Scale(type="log", domain=[low / room**0.3, high * room], nice=False)
    axis = alt.Axis(values=_FINE, labelExpr=_PERCENT, title=_UNIT, labelOverlap=True)
    base = alt.Chart(rows.assign(right=ends.max(axis=1))).encode(
        y=alt.Y(
            "words:N", sort=list(rows["words"]), title=None,
            axis=alt.Axis(labelLimit=270, ticks=False),
        )
    )  # fmt: skip
    colours = alt.Scale(domain=["raises", "lowers"], range=[VERMILION, _ours(dark)])
    bars = (
        base.transform_filter("datum.kind != 'level'")
        .mark_bar(height=16)
        .encode(
            x=alt.X("start:Q", scale=scale, axis=axis),
            x2=alt.X2("end:Q"),
            color=alt.Color("kind:N", scale=colours, legend=None),
        )
    )
    levels = (
        base.transform_filter("datum.kind == 'level'")
        .mark_tick(thickness=4, size=22, color=_ink(dark))
        .encode(x=alt.X("end:Q", scale=scale, axis=axis))
    )
    labels = base.mark_text(align="left", dx=6, color=_ink(dark)).encode(
        x=alt.X("right:Q", scale=scale, axis=axis), text=alt.Text("label:N")
    )
    return _layered([bars, levels, labels], 330, dark)


def runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the stretches of one regime: regime, first, until (the next session) and sessions.

    Sessions without a regime are left out.
    """
    day = pd.to_datetime(rows["session"])
    names = rows["regime"].fillna("")
    until = day.shift(-1).fillna(day + pd.Timedelta(days=1))
    stretches = (
        pd.DataFrame({"regime": names, "first": day, "until": until})
        .groupby((names != names.shift()).cumsum())
        .agg({"regime": ["first", "size"], "first": "min", "until": "max"})
        .set_axis(["regime", "sessions", "first", "until"], axis="columns")
    )
    return stretches[stretches["regime"] != ""].reset_index(drop=True)


def regimes(rows: pd.DataFrame, dark: bool) -> alt.LayerChart:
    """Draw the price of `ribbon` over bands of its regime, each regime in its own lane below."""
    names = list(REGIME_COLOURS)
    lane = {name: len(names) - 1 - place for place, name in enumerate(names)}
    stretches = runs(rows)
    lanes = alt.Scale(domain=[0, _LANES], nice=False)
    from_below = alt.Y("lane:Q", scale=lanes, axis=None)
    spans = alt.Chart(stretches.assign(lane=stretches["regime"].map(lane))).encode(
        x=alt.X("first:T", title=None), x2=alt.X2("until:T"),
        color=alt.Color(
            "regime:N", legend=None,
            scale=alt.Scale(domain=names, range=list(REGIME_COLOURS.values())),
        ),
    )  # fmt: skip
    blocks = (
        spans.transform_calculate(top="datum.lane + .85")
        .mark_rect(opacity=0.9)
        .encode(y=from_below, y2=alt.Y2("top:Q"))
    )
    words = (
        alt.Chart(pd.DataFrame({"name": names, "lane": [lane[name] + 0.42 for name in names]}))
        .mark_text(align="left", color=_ink(dark), fontSize=11, fontWeight="bold")
        .encode(x=alt.value(4), y=from_below, text=alt.Text("name:N"))
    )
    low, high = rows["close"].min(), rows["close"].max()
    # The lanes take the lowest part of the plot; the price stays above them.
    floor = high - (high - low) / (1 - 3.6 / _LANES)
    price = (
        alt.Chart(
            pd.DataFrame({"session": pd.to_datetime(rows["session"]), "close": rows["close"]})
        )
        .mark_line(color=_ink(dark), strokeWidth=1.5)
        .encode(
            x=alt.X("session:T"),
            y=alt.Y("close:Q", title="close", scale=alt.Scale(domain=[floor, high], nice=False)),
            tooltip=[
                alt.Tooltip("session:T", format="%-d %b %Y"),
                alt.Tooltip("close:Q", format=",.2f"),
            ],
        )
    )
    beneath = alt.layer(spans.mark_rect(opacity=0.16), blocks, words)
    chart: alt.LayerChart = _layered([beneath, price], 250, dark).resolve_scale(y="independent")
    return chart


def track_record(
    months: pd.DataFrame, metric: str, past: float | None, dark: bool
) -> alt.LayerChart:
    """Draw a loss (qlike or rmse) of `by_month`, and volcast's own mean ``past`` as a line."""
    colour_of = {name: colour for name, (colour, _) in _LINES.items()} | {"volcast": _ours(dark)}
    names = [name for name in _LINES if (months["name"] == name).any()]
    title = "QLIKE of variance" if metric == "qlike" else "RMSE, volatility points"
    drawn = months.assign(month=pd.to_datetime(months["month"]))[["month", "name", "n", metric]]
    colours = alt.Scale(domain=names, range=[colour_of[name] for name in names])
    dashes = alt.Scale(domain=names, range=[_LINES[name][1] for name in names])
    points = alt.OverlayMarkDef(size=22) if len(drawn) < 260 else False
    lines = (
        alt.Chart(drawn.round(4))
        .mark_line(strokeWidth=1.8, point=points)
        .encode(
            x=alt.X("month:T", title=None),
            y=alt.Y(f"{metric}:Q", title=title),
            color=alt.Color("name:N", scale=colours, legend=_STROKES),
            strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=_STROKES),
            tooltip=[
                alt.Tooltip("month:T", format="%b %Y"),
                alt.Tooltip("name:N", title="forecast"),
                alt.Tooltip(f"{metric}:Q", format=".3f"),
                alt.Tooltip("n:Q", title="sessions"),
            ],
        )
    )
    if past is None:
        return _layered([lines], 250, dark)
    mean = alt.Chart(pd.DataFrame({"past": [past]})).encode(y=alt.Y("past:Q"))
    rule = mean.mark_rule(color=_ink(dark), strokeDash=[1, 3])
    label = mean.mark_text(align="left", dy=-7, color=_ink(dark)).encode(
        x=alt.value(4), text=alt.value(f"volcast before: {past:.2f}")
    )
    return _layered([lines, rule, label], 250, dark)


def _layered(layers: Sequence[Any], height: int, dark: bool) -> alt.LayerChart:
    padding = {"left": 0, "right": 8, "top": 4, "bottom": 4}
    # Streamlit's own grey is too faint to be read with ease.
    text = "#c9cad1" if dark else "#55576a"
    chart = alt.layer(*layers).properties(width="container", height=height, padding=padding)
    coloured: alt.LayerChart = chart.configure_axis(
        labelColor=text, titleColor=text
    ).configure_legend(labelColor=text)
    return coloured


def _ink(dark: bool) -> str:
    return "#fafafa" if dark else "#31333f"


def _ours(dark: bool) -> str:
    return SKY if dark else BLUE


def _time(when: pd.Timestamp) -> alt.DateTime:
    return alt.DateTime(year=when.year, month=when.month, date=when.day)
