"""The charts of an evaluation: Altair's, interactive and without a network, and shap's own.

Colours are those of Okabe and Ito; each mark has a tooltip, so that none depends on its colour.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from volcast.core.names import LABELS, STATES
from volcast.evaluation.table import Skill, SkillTable
from volcast.evaluation.words import significant, versus
from volcast.features.catalog import label

if TYPE_CHECKING:
    import shap

__all__ = ["coverage_by_year", "embed", "fan", "gains", "regimes", "scripts", "shap_plot", "skill"]

BLUE, ORANGE, GREEN, VERMILION, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#808080",
)  # fmt: skip
REGIME_COLOURS = {"calm": SKY, "normal": GREEN, "stressed": VERMILION}
_TOP = alt.Legend(title=None, orient="top", labelLimit=300)
_STACKED = alt.Legend(title=None, orient="top", columns=1)
_RESULTS = {
    "volcast is better": BLUE, "no significant difference": GREY,
    "the baseline is better": VERMILION,
}  # fmt: skip
_FAN = {
    "forecast": "forecast", "rv_5d": "realized", "lo80": "80 % from", "hi80": "80 % to",
    "lo95": "95 % from", "hi95": "95 % to",
}  # fmt: skip
_MOST_FEATURES = 12
_SIZES = {
    "axis": {"labelFontSize": 13, "titleFontSize": 13}, "legend": {"labelFontSize": 13},
    "text": {"fontSize": 13},
}  # fmt: skip
"""Of the texts in charts: as large as the notes of a page, on a telephone too."""


def skill(table: SkillTable) -> alt.LayerChart:
    """Draw the share of each baseline's QLIKE that is saved, and whether that is significant."""
    data = pd.DataFrame(_bar(line) for line in table.lines[1:])
    base = alt.Chart(data).encode(
        y=alt.Y("baseline:N", sort=None, axis=alt.Axis(title=None, labelLimit=300))
    )
    share = alt.Axis(format=".0%", title="QLIKE saved", tickCount=6)
    # Room at the right for the largest share's text, on a narrow screen too.
    span = alt.Scale(domain=[min(data["saved"].min() * 1.1, 0.0), data["right"].max() * 1.4])
    colours = alt.Scale(domain=list(_RESULTS), range=list(_RESULTS.values()))
    bars = base.mark_bar().encode(
        x=alt.X("saved:Q", axis=share, scale=span),
        color=alt.Color("result:N", legend=_STACKED, scale=colours),
        tooltip=[alt.Tooltip("words:N", title="volcast")],
    )
    shares = base.mark_text(align="left", dx=4).encode(
        x="right:Q", text=alt.Text("saved:Q", format="+.1%")
    )
    return alt.LayerChart(layer=[bars, shares], width="container", height=alt.Step(24))


def fan(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw forecasts with their 80 % and 95 % intervals, and the realized volatility."""
    data = rows[list(_FAN)].astype(float).round(5).assign(session=pd.to_datetime(rows["session"]))
    base = alt.Chart(data).encode(x=alt.X("session:T", title=None))
    volatility = alt.Axis(format=".0%", title="volatility, annualised")
    bands = [
        base.mark_area(color=BLUE, opacity=opacity).encode(
            y=alt.Y(f"lo{level}:Q", axis=volatility), y2=f"hi{level}:Q"
        )
        for level, opacity in ((95, 0.12), (80, 0.22))
    ]
    lines = (
        base.transform_fold(["forecast", "rv_5d"], as_=["line", "volatility"])
        .transform_calculate(line="datum.line == 'rv_5d' ? 'realized' : 'forecast'")
        .mark_line(strokeWidth=1.6)
        .encode(
            y=alt.Y("volatility:Q", axis=volatility),
            color=alt.Color("line:N", legend=_TOP, scale=_scale("forecast", "realized")),
        )
    )
    hover = base.mark_rule(opacity=0, strokeWidth=4).encode(
        tooltip=[
            "session:T",
            *(alt.Tooltip(f"{name}:Q", title=title, format=".1%") for name, title in _FAN.items()),
        ]
    )
    return alt.LayerChart(layer=[*bands, lines, _zoomable(hover)], width="container", height=300)


def gains(parts: Mapping[str, SkillTable]) -> alt.Chart:
    """Draw the share of QLIKE saved of HAR-RV and of HAR-X, a bar each for every part that has it.

    Parts are years or symbols, by name.
    """
    data = pd.DataFrame(
        {"part": part, "baseline": LABELS[name], "saved": table.line(name).gain,
         "sessions": table.rows}
        for part, table in parts.items()
        for name in ("har_rv", "har_x")
        if name not in table.left_out
    )  # fmt: skip
    labels = data["baseline"].unique()
    chart: alt.Chart = alt.Chart(data, width="container", height=240).mark_bar().encode(
        x=alt.X("part:N", title=None, sort=None), xOffset="baseline:N",
        y=alt.Y("saved:Q", axis=alt.Axis(format=".0%", title="QLIKE saved")),
        color=alt.Color("baseline:N", legend=_TOP, scale=_scale(*labels)),
        tooltip=[
            alt.Tooltip("part", title=" "), "baseline", alt.Tooltip("saved:Q", format="+.1%"),
            "sessions",
        ],
    )  # fmt: skip
    return chart


def coverage_by_year(years: Mapping[str, SkillTable]) -> alt.LayerChart:
    """Draw the share of outcomes inside each interval by year, and the share intended."""
    intended = pd.DataFrame(
        {"interval": ["80 % interval", "95 % interval"], "coverage": [0.8, 0.95]}
    )
    data = pd.DataFrame(
        {"year": year, "interval": interval, "coverage": coverage}
        for year, skill in years.items()
        for interval, coverage in zip(
            intended["interval"], (skill.coverage80, skill.coverage95), strict=True
        )
    )
    colour = alt.Color("interval:N", legend=_TOP, scale=_scale(*intended["interval"]))
    inside = alt.Axis(format=".0%", title="outcomes inside")
    points = alt.Chart(data).mark_point(filled=True, size=70).encode(
        x=alt.X("year:N", title=None), color=colour, shape=alt.Shape("interval:N", legend=None),
        y=alt.Y("coverage:Q", axis=inside, scale=alt.Scale(zero=False)),
        tooltip=["year", "interval", alt.Tooltip("coverage:Q", format=".1%")],
    )  # fmt: skip
    rules = alt.Chart(intended).mark_rule(strokeDash=[6, 4]).encode(y="coverage:Q", color=colour)
    return alt.LayerChart(layer=[points, rules], width="container", height=220)


def regimes(
    sessions: "pd.Series[Any]", price: Sequence[float], regime: Sequence[str]
) -> alt.LayerChart:
    """Draw the price, 100 at the first session and on a log scale, over each session's regime.

    ``regime`` names the most probable state, and is empty where that is unknown.
    """
    days = pd.to_datetime(pd.Series(sessions)).reset_index(drop=True)
    data = pd.DataFrame({"session": days, "price": np.round(price, 2), "regime": list(regime)})
    changes = data[data["regime"] != data["regime"].shift()].rename(columns={"session": "start"})
    spans = changes.assign(end=changes["start"].shift(-1, fill_value=days.iloc[-1]))
    spans = spans[spans["regime"] != ""].replace({"regime": STATES})
    colours = alt.Scale(domain=list(STATES.values()), range=list(REGIME_COLOURS.values()))
    price_axis = alt.Y(
        "price:Q",
        title="price, first session = 100",
        scale=alt.Scale(
            type="log", nice=False, domain=[float(data["price"].min()), float(data["price"].max())]
        ),
    )
    bands = alt.Chart(spans[["regime", "start", "end"]]).mark_rect(opacity=0.3).encode(
        x=alt.X("start:T", title=None), x2="end:T",
        color=alt.Color("regime:N", legend=_STACKED, scale=colours),
        tooltip=["regime", "start:T", "end:T"],
    )  # fmt: skip
    line = alt.Chart(data[["session", "price"]]).mark_line(color=GREY, strokeWidth=1.2).encode(
        x="session:T", y=price_axis
    )  # fmt: skip
    return alt.LayerChart(layer=[bands, _zoomable(line)], width="container", height=240)


def embed(name: str, title: str, chart: alt.Chart | alt.LayerChart) -> str:
    """Return the HTML that draws a chart where `scripts` was included in the page's head.

    ``name`` is unique in the page; ``title`` is for readers who do not see the chart.
    """
    with alt.data_transformers.disable_max_rows():
        spec = chart.to_dict()
    spec.pop("$schema")
    text = json.dumps(spec, sort_keys=True).replace("</", "<\\/")
    return (
        f"<figure class='chart' id='{name}' role='img' aria-label='{escape(title)}'></figure>"
        f"<script>drawChart('#{name}', {text})</script>"
    )


def shap_plot(
    kind: Literal["beeswarm", "waterfall"], title: str, explanation: "shap.Explanation"
) -> str:
    """Return the HTML of a plot of the shap package; the same explanation gives the same bytes.

    ``explanation`` is of many rows for a beeswarm, of one for a waterfall; ``title`` is for readers
    who do not see the plot.
    """
    import matplotlib as mpl

    mpl.use("agg")
    import shap
    from matplotlib import pyplot as plt

    sink, random_state = io.BytesIO(), np.random.get_state()
    np.random.seed(0)  # shap spreads the points of a beeswarm by NumPy's global generator
    try:
        with mpl.rc_context({"svg.hashsalt": kind, "svg.fonttype": "none"}):
            getattr(shap.plots, kind)(
                _labelled(explanation), max_display=_MOST_FEATURES, show=False
            )
            if kind == "beeswarm":
                plt.xlabel("effect on the log variance")
            plt.savefig(sink, format="svg", metadata={"Date": None}, bbox_inches="tight")
    finally:
        plt.close()
        np.random.set_state(random_state)
    image = base64.b64encode(sink.getvalue()).decode()
    picture = f"<img id='{kind}' alt='{escape(title)}' src='data:image/svg+xml;base64,{image}'>"
    return f"<div class='wide' tabindex='0'>{picture}</div>"


@cache
def scripts() -> str:
    """Return the script that draws every chart of a page: Vega, Vega-Lite and Vega-Embed."""
    import vl_convert

    options = {"actions": False, "renderer": "svg", "config": _SIZES}
    draw = f"window.drawChart = (at, spec) => vegaEmbed(at, spec, {json.dumps(options)});"
    bundle = str(vl_convert.javascript_bundle(draw)).replace("</script", "<\\/script")
    return f"<script>{bundle}</script>"


def _labelled(explanation: "shap.Explanation") -> "shap.Explanation":
    labelled = copy(explanation)
    labelled.feature_names = [label(name) for name in explanation.feature_names]
    return labelled


def _bar(line: Skill) -> dict[str, Any]:
    better = "volcast is better" if line.gain > 0 else "the baseline is better"
    return {
        "baseline": LABELS[line.name],
        "saved": line.gain,
        "right": max(line.gain, 0.0),
        "result": better if significant(line) else "no significant difference",
        "words": versus(line),
    }


def _scale(*names: str) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[BLUE, ORANGE][: len(names)])


def _zoomable(layer: alt.Chart) -> alt.Chart:
    # Named, for Altair numbers what has no name by what the process drew before.
    zoom = alt.selection_interval(name="zoom", bind="scales", encodings=["x"])
    zoomable: alt.Chart = layer.properties(name="zoomable").add_params(zoom)
    return zoomable
