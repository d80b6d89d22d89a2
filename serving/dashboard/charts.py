"""The four charts, each from rows alone; colours are those of Okabe and Ito.

No chart tells by colour alone: lines differ by dash, marks by shape, bars by sign and label,
regimes by lane.
"""

from collections.abc import Sequence
from math import exp

import altair as alt
import pandas as pd

from volcast.facts import Driver
from volcast.facts.words import percent

__all__ = ["fan", "fan_rows", "regimes", "runs", "steps", "track_record", "waterfall"]

BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
VERMILLION, PURPLE, GREY = "#D55E00", "#CC79A7", "#808080"

_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0]
_PERCENT = "format(100 * datum.value, '~g') + ' %'"
_TOP = alt.Legend(title=None, orient="top", labelLimit=260)
_LINES = {
    "volcast": (BLUE, [1, 0]),
    "HAR-RV": (VERMILLION, [6, 3]),
    "HAR-X": (GREEN, [2, 2]),
    "VIX": (PURPLE, [8, 2, 2, 2]),
}
_REGIMES = {"calm": GREEN, "normal": GREY, "stressed": VERMILLION}
_LANE = 15


def fan_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a track as the fan chart takes them: days as times, lines by name."""
    shown = rows.drop(columns=["har_rv", "har_x", "vix"])
    return shown.assign(
        session=pd.to_datetime(shown["session"]), origin="forecast, " + shown["origin"]
    )


def fan(rows: pd.DataFrame, ink: str) -> alt.LayerChart:
    """Draw forecasts with their intervals, and what came.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of `fan_rows`; one at least.
    ink : str
        Colour of text.
    """
    low = min(rows["lo95"].min(), rows["realized"].min(), rows["forecast"].min())
    high = max(rows["hi95"].max(), rows["realized"].max(), rows["forecast"].max())
    scale = alt.Scale(type="log", domain=[low * 0.95, high * 1.05], nice=False)
    axis = alt.Axis(values=_TICKS, labelExpr=_PERCENT, title="volatility a year, log scale")
    base = alt.Chart(rows).encode(x=alt.X("session:T", title=None))
    fills = alt.Scale(domain=["80 % interval", "95 % interval"], range=[BLUE, SKY])
    bands = [
        base.transform_calculate(band=f"'{level} % interval'")
        .mark_area(fillOpacity=opacity)
        .encode(
            y=alt.Y(f"lo{level}:Q", scale=scale, axis=axis),
            y2=f"hi{level}:Q",
            fill=alt.Fill("band:N", scale=fills, legend=_TOP),
        )
        for level, opacity in ((95, 0.28), (80, 0.32))
    ]
    dashes = alt.Scale(
        domain=["forecast, published", "forecast, walk-forward"], range=[[1, 0], [5, 2]]
    )
    line = base.mark_line(color=BLUE, strokeWidth=1.8).encode(
        y=alt.Y("forecast:Q", scale=scale, axis=axis),
        strokeDash=alt.StrokeDash("origin:N", scale=dashes, legend=_TOP),
    )
    came = (
        base.transform_calculate(came="'realized'")
        .mark_point(filled=True, color=ink, size=18 if len(rows) < 400 else 5, opacity=0.75)
        .encode(
            y=alt.Y("realized:Q", scale=scale, axis=axis),
            shape=alt.Shape("came:N", scale=alt.Scale(range=["circle"]), legend=_TOP),
        )
    )
    told = base.mark_rule(opacity=0, strokeWidth=max(1, 900 / len(rows))).encode(
        tooltip=[
            alt.Tooltip("session:T", title="as of", format="%-d %b %Y"),
            alt.Tooltip("origin:N", title="kind"),
            *(
                alt.Tooltip(f"{name}:Q", format=".1%")
                for name in ("forecast", "lo80", "hi80", "lo95", "hi95", "realized")
            ),
        ]
    )
    newest = rows.tail(1).assign(label=percent(rows["forecast"].iloc[-1]))
    mark = alt.Chart(newest).encode(x="session:T", y=alt.Y("forecast:Q", scale=scale, axis=axis))
    point = mark.mark_point(filled=True, shape="diamond", size=110, color=BLUE, opacity=1)
    label = mark.mark_text(align="right", dx=-9, dy=-9, fontWeight="bold", color=ink).encode(
        text="label:N"
    )
    return alt.layer(*bands, line, came, told, point, label).properties(height=330)


def steps(parts: Sequence[Driver]) -> pd.DataFrame:
    """Return what the waterfall is drawn of.

    Returns
    -------
    pandas.DataFrame
        words; start and end (volatility, decimal) of each bar, in log variance one contribution
        apart; kind (level, raises or lowers) and label. The last end is the forecast.
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


def waterfall(rows: pd.DataFrame, ink: str) -> alt.LayerChart:
    """Draw how the drivers lead from an average day to the forecast.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of `steps`.
    """
    ends = rows[["start", "end"]]
    low, high = ends.min().min(), ends.max().max()
    room = (high / low) ** 0.22
    scale = alt.Scale(type="log", domain=[low / room**0.3, high * room], nice=False)
    axis = alt.Axis(
        values=_TICKS, labelExpr=_PERCENT, title="forecast so far, volatility a year, log scale"
    )
    placed = rows.assign(right=ends.max(axis=1))
    base = alt.Chart(placed).encode(
        y=alt.Y("words:N", sort=None, title=None, axis=alt.Axis(labelLimit=270, ticks=False))
    )
    colours = alt.Scale(domain=["raises", "lowers"], range=[VERMILLION, BLUE])
    bars = (
        base.transform_filter("datum.kind != 'level'")
        .mark_bar(height=16)
        .encode(
            x=alt.X("start:Q", scale=scale, axis=axis),
            x2="end:Q",
            color=alt.Color("kind:N", scale=colours, legend=None),
        )
    )
    levels = (
        base.transform_filter("datum.kind == 'level'")
        .mark_tick(thickness=4, size=22, color=ink)
        .encode(x=alt.X("end:Q", scale=scale, axis=axis))
    )
    labels = base.mark_text(align="left", dx=6, color=ink).encode(
        x=alt.X("right:Q", scale=scale, axis=axis), text="label:N"
    )
    return alt.layer(bars, levels, labels).properties(height=330)


def runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the stretches of one regime.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of `volcast.facts.ribbon`; sessions without a regime are left out.

    Returns
    -------
    pandas.DataFrame
        regime, first and until (the next session, so that stretches meet) and sessions.
    """
    day = pd.to_datetime(rows["session"])
    until = day.shift(-1).fillna(day + pd.Timedelta(days=1))
    told = rows["regime"].fillna("")
    grouped = pd.DataFrame({"regime": told, "first": day, "until": until, "n": 1}).groupby(
        (told != told.shift()).cumsum()
    )
    found = grouped.agg(
        regime=("regime", "first"),
        first=("first", "min"),
        until=("until", "max"),
        sessions=("n", "sum"),
    )
    return found[found["regime"] != ""].reset_index(drop=True)


def regimes(rows: pd.DataFrame, ink: str, height: int = 250) -> alt.LayerChart:
    """Draw the price over bands of its regime, each regime in a lane of its own beneath.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of `volcast.facts.ribbon`.
    """
    names = list(_REGIMES)
    colours = alt.Scale(domain=names, range=list(_REGIMES.values()))
    stretches = runs(rows)
    spans = alt.Chart(stretches).encode(
        x=alt.X("first:T", title=None), x2="until:T",
        color=alt.Color("regime:N", scale=colours, legend=None),
    )  # fmt: skip
    lanes = [
        spans.transform_filter(alt.datum.regime == name)
        .mark_rect(opacity=0.9)
        .encode(
            y=alt.value(height - _LANE * (3 - place) + 2),
            y2=alt.value(height - _LANE * (2 - place)),
        )
        for place, name in enumerate(names)
    ]
    words = [
        alt.Chart(pd.DataFrame({"name": [name]}))
        .mark_text(align="left", color=ink, fontSize=11, fontWeight="bold")
        .encode(x=alt.value(4), y=alt.value(height - _LANE * (2.5 - place) + 1), text="name:N")
        for place, name in enumerate(names)
    ]
    low, high = rows["close"].min(), rows["close"].max()
    # The lanes take the lowest part of the plot; the price stays above them.
    share = 1 - (3 * _LANE + 8) / height
    floor = high - (high - low) / share
    price = (
        alt.Chart(rows[["session", "close"]].assign(session=pd.to_datetime(rows["session"])))
        .mark_line(color=ink, strokeWidth=1.5)
        .encode(
            x="session:T",
            y=alt.Y("close:Q", title="close", scale=alt.Scale(domain=[floor, high], nice=False)),
            tooltip=[
                alt.Tooltip("session:T", format="%-d %b %Y"),
                alt.Tooltip("close:Q", format=",.2f"),
            ],
        )
    )
    return alt.layer(spans.mark_rect(opacity=0.16), *lanes, price, *words).properties(height=height)


def track_record(months: pd.DataFrame, metric: str, past: float | None, ink: str) -> alt.LayerChart:
    """Draw a score by month.

    Parameters
    ----------
    months : pandas.DataFrame
        Of `volcast.facts.by_month`.
    metric : str
        qlike or rmse.
    past : float or None
        volcast's own mean before, drawn as a line.
    """
    names = [name for name in _LINES if (months["name"] == name).any()]
    title = "QLIKE of variance" if metric == "qlike" else "RMSE, volatility points"
    drawn = months.assign(month=pd.to_datetime(months["month"]))[["month", "name", "n", metric]]
    colours = alt.Scale(domain=names, range=[_LINES[name][0] for name in names])
    dashes = alt.Scale(domain=names, range=[_LINES[name][1] for name in names])
    lines = (
        alt.Chart(drawn)
        .mark_line(
            strokeWidth=1.8, point=alt.OverlayMarkDef(size=22) if len(drawn) < 260 else False
        )
        .encode(
            x=alt.X("month:T", title=None),
            y=alt.Y(f"{metric}:Q", title=title),
            color=alt.Color("name:N", scale=colours, legend=_TOP),
            strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=_TOP),
            tooltip=[
                alt.Tooltip("month:T", format="%b %Y"),
                alt.Tooltip("name:N", title="forecast"),
                alt.Tooltip(f"{metric}:Q", format=".3f"),
                alt.Tooltip("n:Q", title="sessions"),
            ],
        )
    )
    if past is None:
        return alt.layer(lines).properties(height=250)
    row = pd.DataFrame({"past": [past], "label": [f"volcast before: {past:.2f}"]})
    rule = alt.Chart(row).mark_rule(color=ink, strokeDash=[1, 3]).encode(y="past:Q")
    label = (
        alt.Chart(row)
        .mark_text(align="left", dy=-7, color=ink)
        .encode(x=alt.value(4), y="past:Q", text="label:N")
    )
    return alt.layer(lines, rule, label).properties(height=250)
