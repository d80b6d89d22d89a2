"""Forecast against outcome, regimes and the track record, over a span that the reader chooses."""

from collections.abc import Callable, Hashable
from typing import Any

import pandas as pd

from serving.dashboard import charts
from serving.dashboard.markup import details, figure, notice, prose, table
from serving.dashboard.words import bounds, of_fan, of_regimes, of_skill, of_track, signed_share
from volcast.core.names import LABELS
from volcast.evaluation.table import shown_p
from volcast.features.catalog import STATE_FEATURES
from volcast.monitoring.status import against, by_month
from volcast.monitoring.status.words import percent

__all__ = ["LOSSES", "SPANS", "fan", "regimes", "scores", "track_record", "within"]

SPANS = {
    "3m": ("3 months", pd.DateOffset(months=3)),
    "1y": ("1 year", pd.DateOffset(years=1)),
    "5y": ("5 years", pd.DateOffset(years=5)),
    "all": ("all", None),
}
"""Each counts from the newest session back."""

LOSSES = {"qlike": "QLIKE", "rmse": "RMSE"}
_ROWS, _DENSE = 252, 400
_NO_OUTCOME = "There is no outcome of this span yet. One is five sessions after its forecast."


def within(rows: pd.DataFrame, span: str) -> pd.DataFrame:
    """Return the rows of a span that ends with the newest."""
    offset = SPANS[span][1]
    if offset is None:
        return rows
    first = (pd.Timestamp(rows["session"].iloc[-1]) - offset).date()
    return rows[rows["session"] > first]


def fan(rows: pd.DataFrame) -> str:
    """Return forecasts with their intervals, and the outcomes."""
    text, shown = of_fan(rows), rows
    if len(rows) > _DENSE:
        # Outcomes of five sessions, five sessions apart, share none.
        shown = rows.iloc[::-5].iloc[::-1].reset_index(drop=True)
        text += " Every fifth is drawn, so that no two outcomes overlap."
    columns = ("as of", "kind", "forecast", "80 %", "95 %", "realized")
    drawn = figure(
        "annualised volatility, %, log scale", charts.FAN_KEYS, *charts.svg(charts.fan(shown)), text
    )
    return drawn + _as_table("The forecasts as a table", columns, rows, _fan_row)


def regimes(rows: pd.DataFrame) -> str:
    """Return the price over its regimes."""
    columns = ("session", "close", "regime", *STATE_FEATURES.values())
    drawn = figure("close", [], *charts.svg(charts.regimes(rows)), of_regimes(rows))
    return drawn + _as_table("The regimes as a table", columns, rows, _regime_row)


def track_record(track: pd.DataFrame, span: str, loss: str) -> str:
    """Return losses by month over a span of the track, with the baselines'."""
    rows = within(track, span)
    months = by_month(rows)
    if months.empty:
        return notice("missing", _NO_OUTCOME)
    before = against(track.iloc[: len(track) - len(rows)])
    past = getattr(before[0], loss) if before else None
    unit = "QLIKE loss of variance" if loss == "qlike" else "RMSE loss, volatility points"
    chart = charts.track_record(months, loss, past)
    text = of_track(months, loss, past)
    columns = ("month", "forecast", "sessions", "QLIKE loss", "RMSE, points")
    return figure(unit, charts.track_keys(months, past), *charts.svg(chart), text) + _as_table(
        "The months as a table", columns, months.sort_values("month"), _month
    )


def scores(track: pd.DataFrame, span: str) -> str:
    """Return whether volcast was better over the span, and by how much."""
    versus = against(within(track, span))
    if not versus:
        return notice("missing", _NO_OUTCOME)
    better, text = of_skill(versus)
    columns = ("against", "sessions", "QLIKE loss", "ours", "saved", "p", "RMSE loss", "our RMSE")
    cells = [
        (LABELS[one.skill.name], f"{one.n:,}", f"{one.skill.qlike:.3f}", f"{one.qlike:.3f}",
         signed_share(one.skill.gain), shown_p(one.skill.p_better), f"{one.skill.rmse:.2f}",
         f"{one.rmse:.2f}")
        for one in versus
    ]  # fmt: skip
    verdict = prose(text) if better else notice("warning", text)
    return verdict + table("On the same sessions of this span, lower is better", columns, cells)


def _as_table(
    label: str, columns: tuple[str, ...], rows: pd.DataFrame,
    cells: Callable[[dict[Hashable, Any]], tuple[str, ...]],
) -> str:  # fmt: skip
    shown = rows.tail(_ROWS).iloc[::-1]
    text = f"The newest {len(shown):,} of {len(rows):,} rows, newest first"
    return details(label, table(text, columns, [cells(row) for row in shown.to_dict("records")]))


def _fan_row(row: dict[Hashable, Any]) -> tuple[str, ...]:
    intervals = (
        "" if pd.isna(low) else bounds(low, high)
        for low, high in ((row["lo80"], row["hi80"]), (row["lo95"], row["hi95"]))
    )
    forecast, realized = (_or_blank(row[name]) for name in ("forecast", "realized"))
    return str(row["session"]), row["origin"], forecast, *intervals, realized


def _regime_row(row: dict[Hashable, Any]) -> tuple[str, ...]:
    chances = (_or_blank(row[name]) for name in STATE_FEATURES)
    return str(row["session"]), f"{row['close']:,.2f}", row["regime"] or "", *chances


def _month(row: dict[Hashable, Any]) -> tuple[str, ...]:
    losses = f"{row['qlike']:.3f}", f"{row['rmse']:.2f}"
    return f"{row['month']:%b %Y}", row["name"], str(row["n"]), *losses


def _or_blank(value: float) -> str:
    return "" if pd.isna(value) else percent(value)
