"""The three charts as SVG, each from rows alone; colours are those of Okabe and Ito.

No chart depends on colour alone: lines differ by dash, marks by shape, regimes by lane. Rows are
tables of `volcast.monitoring.status`. Text takes the colour of the page, and our own lines its
``--ours``, so that one picture serves light and dark.
"""

import json
import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from html import escape
from typing import Any, Literal

import altair as alt
import pandas as pd
import vl_convert

from serving.dashboard.words import bounds, day, runs
from volcast.core.names import LABELS
from volcast.evaluation.charts import BLUE, GREEN, REGIME_COLOURS, SKY, VERMILION
from volcast.monitoring.status.words import percent

__all__ = ["FAN_KEYS", "fan", "regimes", "svg", "track_keys", "track_record"]

# Thirty years are 7,500 sessions; Altair's own bound is 5,000 rows.
alt.data_transformers.disable_max_rows()

_WIDE, _NARROW = 640, 350
_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0]
_INK, _OURS = "currentColor", "var(--ours)"
_LINES = {
    LABELS["volcast"]: (_OURS, [1, 0]),
    LABELS["har_rv"]: (VERMILION, [6, 3]),
    LABELS["har_x"]: (GREEN, [2, 2]),
    LABELS["vix"]: ("#CC79A7", [8, 2, 2, 2]),
}
"""Colour and dashes of each forecast of the track record."""
_DASHES = {"published": [1, 0], "walk-forward": [5, 2]}
_BEFORE = [1, 3]
_LANES = 16
"""Lanes that would fill the regime chart; three are drawn, and the price is above them."""
_CONFIG = alt.Config(
    font="Arial, Liberation Sans, sans-serif",
    axis=alt.AxisConfig(
        labelColor=_INK, domainColor=_INK, tickColor=_INK, gridColor=_INK, labelFontSize=11,
        domainOpacity=0.3, tickOpacity=0.3, gridOpacity=0.12,
    ),
    view=alt.ViewConfig(stroke=None),
)  # fmt: skip
_HOVERED = 300
"""More points than these are too close to be pointed at."""


def _key(words: str, shape: str) -> str:
    return f'<svg width="26" height="10" aria-hidden="true">{shape}</svg> {escape(words)}'


def _line_key(words: str, colour: str, dashes: Sequence[int]) -> str:
    drawn = " ".join(map(str, dashes)) if dashes != [1, 0] else "none"
    line = f'<path d="M0 5H26" stroke="{colour}" stroke-width="2" stroke-dasharray="{drawn}"/>'
    return _key(words, line)


FAN_KEYS = (
    *(_line_key(f"{origin} forecast", _OURS, dashes) for origin, dashes in _DASHES.items()),
    _key("80 %", f'<rect width="26" height="10" fill="{BLUE}" fill-opacity=".5"/>'),
    _key("95 % interval", f'<rect width="26" height="10" fill="{SKY}" fill-opacity=".35"/>'),
    _key("realized", f'<circle cx="13" cy="5" r="3" fill="{_INK}"/>'),
)
"""The legend of `fan`."""


def svg(chart: alt.LayerChart) -> tuple[str, str]:
    """Return a chart as two pictures, for a wide and for a narrow screen.

    It is not checked against Vega-Lite's schema, which takes longer than drawing it; tests do that.
    """
    spec = json.dumps(chart.to_dict(validate=False))
    return _drawn(spec, _WIDE), _drawn(spec, _NARROW)


@lru_cache(maxsize=64)
def _drawn(spec: str, width: int) -> str:
    picture: str = vl_convert.vegalite_to_svg(json.loads(spec) | {"width": width})
    # What Vega writes for screen readers becomes what a pointer shows; they read the caption.
    titled = re.sub(
        r'<(\w+) aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="[^"]*"'
        r"([^>]*)/>",
        r"<\1\3><title>\2</title></\1>",
        picture,
    )
    return re.sub(r' (role|aria-\w+|xmlns:xlink|version|class|pointer-events)="[^"]*"', "", titled)


def fan(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw forecasts with their intervals, and the outcomes, from one row or more of `track`."""
    names = ["forecast", "lo80", "hi80", "lo95", "hi95", "realized"]
    values = rows[names].astype(float).round(5)
    # Five closes alike are no volatility, which has no place on a log scale.
    low, high = values[values > 0].min().min(), values.max().max()
    scale = alt.Scale(type="log", domain=[low * 0.95, high * 1.05], nice=False)
    axis = alt.Axis(values=_TICKS, labelExpr="format(100 * datum.value, '~g')", title=None)
    y = {name: alt.Y(f"{name}:Q", scale=scale, axis=axis) for name in names}
    days = pd.to_datetime(rows["session"])
    first, last = days.iloc[[0, -1]]
    # Room on the right, for the label of the newest forecast.
    until = last + 0.09 * (last - first) + pd.Timedelta(days=1)
    end = alt.DateTime(year=until.year, month=until.month, date=until.day)
    values = values.assign(session=days, origin=rows["origin"], newest=days == last)
    base = alt.Chart().encode(
        x=alt.X("session:T", scale=alt.Scale(domainMax=end), axis=_time_axis(days))
    )
    bands = [
        base.mark_area(fill=colour, fillOpacity=opacity, aria=False).encode(
            y=y[f"lo{level}"], y2=alt.Y2(f"hi{level}:Q")
        )
        for level, colour, opacity in ((95, SKY, 0.25), (80, BLUE, 0.3))
    ]
    dashes = alt.Scale(domain=list(_DASHES), range=list(_DASHES.values()))
    line = base.mark_line(color=_OURS, strokeWidth=1.8, aria=False).encode(
        y=y["forecast"], strokeDash=alt.StrokeDash("origin:N", scale=dashes, legend=None)
    )
    outcomes = base.mark_circle(
        color=_INK, size=18 if len(rows) < _HOVERED else 8, opacity=0.75, aria=False
    ).encode(y=y["realized"])
    newest = base.transform_filter("datum.newest").encode(y=y["forecast"])
    point = newest.mark_point(filled=True, shape="diamond", size=110, color=_OURS, aria=False)
    label = newest.mark_text(align="left", dx=8, fontWeight="bold", color=_INK, aria=False)
    number = label.encode(text=alt.value(percent(rows["forecast"].iloc[-1])))
    layers = [*bands, line, outcomes, point, number]
    if len(rows) <= _HOVERED:
        values["words"] = [_words(row) for row in rows.to_dict("records")]
        hover = base.mark_rule(opacity=0, strokeWidth=max(1, 900 / len(rows)))
        layers.append(hover.encode(description="words:N"))
    return _layered(layers, values, 300, "shared")


def _words(row: dict[Hashable, Any]) -> str:
    realized = "not known yet" if pd.isna(row["realized"]) else percent(row["realized"])
    interval = "" if pd.isna(row["lo80"]) else f", 80 % {bounds(row['lo80'], row['hi80'])}"
    return f"{day(row['session'])}: {percent(row['forecast'])}{interval}; realized {realized}"


def regimes(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw the price of `ribbon` over bands of its regime, each regime in its own lane below."""
    names = list(REGIME_COLOURS)
    lane = {name: len(names) - 1 - place for place, name in enumerate(names)}
    stretches = runs(rows)
    stretches["lane"] = stretches["regime"].map(lane)
    stretches["words"] = [
        f"{one['regime']}, {one['sessions']} sessions from {day(one['first'])}"
        for one in stretches.to_dict("records")
    ]
    lanes = alt.Scale(domain=[0, _LANES], nice=False)
    axis = alt.Axis(
        values=[lane[name] + 0.42 for name in names], orient="right", title=None, grid=False,
        domain=False, ticks=False, labelExpr=f"{names[::-1]}[floor(datum.value)]",
    )  # fmt: skip
    from_below = alt.Y("lane:Q", scale=lanes, axis=axis)
    days = pd.to_datetime(rows["session"])
    colours = alt.Scale(domain=names, range=list(REGIME_COLOURS.values()))
    spans = alt.Chart().encode(
        x=alt.X("first:T", axis=_time_axis(days)),
        x2="until:T",
        color=alt.Color("regime:N", legend=None, scale=colours),
    )
    lifted = spans.transform_calculate(top="datum.lane + .85")
    blocks = lifted.mark_rect(opacity=0.9).encode(
        y=from_below, y2=alt.Y2("top:Q"), description="words:N"
    )
    low, high = rows["close"].min(), rows["close"].max()
    # The lanes take the lowest part of the plot; the price stays above them.
    floor = high - (high - low) / (1 - 3.6 / _LANES)
    closes = pd.DataFrame({"session": days, "close": rows["close"]})
    above = alt.Scale(domain=[floor, high], nice=False)
    line = alt.Chart().mark_line(color=_INK, strokeWidth=1.5, aria=False)
    price = line.encode(x="session:T", y=alt.Y("close:Q", title=None, scale=above))
    beneath = alt.layer(spans.mark_rect(opacity=0.16, aria=False), blocks, data=stretches)
    return _layered([beneath, price], closes, 240, "independent")


def track_record(months: pd.DataFrame, loss: str, past: float | None) -> alt.LayerChart:
    """Draw a loss (qlike or rmse) of `by_month`, and volcast's own mean ``past`` as a line."""
    names = _names(months)
    values = months.assign(month=pd.to_datetime(months["month"]))[["month", "name", "n", loss]]
    colours = alt.Scale(domain=names, range=[_LINES[name][0] for name in names])
    dashes = alt.Scale(domain=names, range=[_LINES[name][1] for name in names])
    base = alt.Chart().encode(
        x=alt.X("month:T", axis=_time_axis(values["month"])),
        y=alt.Y(f"{loss}:Q", title=None),
        color=alt.Color("name:N", scale=colours, legend=None),
    )
    dash = alt.StrokeDash("name:N", scale=dashes, legend=None)
    layers = [base.mark_line(strokeWidth=1.8, aria=False).encode(strokeDash=dash)]
    if len(values) <= _HOVERED:
        values["words"] = [
            f"{row['month']:%b %Y}: {row['name']} {row[loss]:.3f}, {row['n']} sessions"
            for row in values.to_dict("records")
        ]
        layers.append(base.mark_circle(size=26, opacity=1).encode(description="words:N"))
    if past is not None:
        mean = alt.Chart(alt.InlineData([{}])).mark_rule(color=_INK, strokeDash=_BEFORE, aria=False)
        layers.append(mean.encode(y=alt.datum(past)))
    return _layered(layers, values.round(4), 240, "shared")


def track_keys(months: pd.DataFrame, past: float | None) -> list[str]:
    """Return the legend of `track_record`."""
    keys = [_line_key(name, *_LINES[name]) for name in _names(months)]
    return keys if past is None else [*keys, _line_key("volcast before", _INK, _BEFORE)]


def _names(months: pd.DataFrame) -> list[str]:
    return [name for name in _LINES if (months["name"] == name).any()]


def _layered(
    layers: Sequence[Any], rows: pd.DataFrame, height: int, y: Literal["shared", "independent"]
) -> alt.LayerChart:
    return alt.LayerChart(
        layer=layers, data=rows, height=height, background="transparent",
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        padding={"left": 2, "right": 12, "top": 6, "bottom": 4}, config=_CONFIG,
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(y=y)),
    )  # fmt: skip


def _time_axis(days: "pd.Series[pd.Timestamp]") -> alt.Axis:
    long = (days.iloc[-1] - days.iloc[0]).days > 800
    return alt.Axis(
        title=None, format="%Y" if long else "%b %Y", tickCount="year" if long else "month",
        labelOverlap="greedy", labelSeparation=8, labelFlush=False,
    )  # fmt: skip
