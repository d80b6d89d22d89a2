"""The plots of the report: inline SVG, no script, legible in light and dark.

Colours are those of Okabe and Ito, told apart by readers who are colour-blind; lines and text take
the page's own colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from volcast.evaluation.splits import Split

__all__ = ["coverage_by_year", "fan", "gain_by_year", "regime_ribbon", "shap_summary"]

Floats = NDArray[np.float64]

BLUE, ORANGE, GREEN, VERMILION, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9"
_REGIME_COLOURS = {"calm": SKY, "normal": GREEN, "stressed": VERMILION}
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 860, 52, 10, 12, 24


@dataclass(frozen=True)
class _Axes:
    """A frame: data ``x`` in [0, count - 1] or by slot, ``y`` in [low, high], to pixels."""

    height: int
    count: int
    low: float
    high: float

    def x(self, position: float) -> float:
        return _LEFT + (position + 0.5) / self.count * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)

    def line(self, values: Floats, colour: str, width: float = 1.5) -> str:
        """Draw a line, broken where a value is null."""
        pieces: list[list[str]] = [[]]
        for i, value in enumerate(values):
            if np.isfinite(value):
                pieces[-1].append(f"{self.x(i):.1f},{self.y(value):.1f}")
            elif pieces[-1]:
                pieces.append([])
        return "".join(
            f"<polyline points='{' '.join(piece)}' fill='none' stroke='{colour}' "
            f"stroke-width='{width}'/>"
            for piece in pieces
            if piece
        )

    def band(self, low: Floats, high: Floats, colour: str, opacity: float) -> str:
        ready = np.flatnonzero(np.isfinite(low) & np.isfinite(high)).tolist()
        there = [f"{self.x(i):.1f},{self.y(high[i]):.1f}" for i in ready]
        back = [f"{self.x(i):.1f},{self.y(low[i]):.1f}" for i in ready[::-1]]
        return f"<polygon points='{' '.join(there + back)}' fill='{colour}' opacity='{opacity}'/>"

    def bar(self, position: float, value: float, width: float, colour: str) -> str:
        top, bottom = sorted((self.y(value), self.y(0.0)))
        pixels = width / self.count * (_WIDTH - _LEFT - _RIGHT)
        return (
            f"<rect x='{self.x(position) - pixels / 2:.1f}' y='{top:.1f}' width='{pixels:.1f}' "
            f"height='{max(bottom - top, 0.5):.1f}' fill='{colour}'/>"
        )

    def grid(self, ticks: Sequence[float], unit: str = " %") -> str:
        return "".join(
            f"<line x1='{_LEFT}' x2='{_WIDTH - _RIGHT}' y1='{self.y(t):.1f}' y2='{self.y(t):.1f}' "
            "stroke='currentColor' opacity='.18'/>"
            f"<text x='{_LEFT - 6}' y='{self.y(t) + 4:.1f}' text-anchor='end'>{t:g}{unit}</text>"
            for t in ticks
        )

    def below(self, labels: Mapping[int, str]) -> str:
        return "".join(
            f"<text x='{self.x(i):.1f}' y='{self.height - 6}' text-anchor='middle'>"
            f"{escape(label)}</text>"
            for i, label in labels.items()
        )


def fan(rows: pd.DataFrame) -> str:
    """Draw the forecast with its 80 % and 95 % intervals, and what came; in percent."""
    columns = {
        name: 100 * rows[name].to_numpy(dtype=float)
        for name in ("forecast", "rv_5d", "lo80", "hi80", "lo95", "hi95")
    }
    whole = np.concatenate(list(columns.values()))
    ticks = _ticks(0.0, float(np.nanmax(whole)) if np.isfinite(whole).any() else 1.0)
    axes = _Axes(300, len(rows), 0.0, ticks[-1])
    return _svg(
        "Forecast, its intervals and the volatility that came, over the last year",
        axes.height,
        axes.grid(ticks),
        axes.band(columns["lo95"], columns["hi95"], BLUE, 0.12),
        axes.band(columns["lo80"], columns["hi80"], BLUE, 0.22),
        axes.line(columns["rv_5d"], VERMILION),
        axes.line(columns["forecast"], BLUE, 2.2),
        axes.below(_months(rows["session"])),
    ) + _legend({"forecast, 80 % and 95 % interval": BLUE, "realized": VERMILION})


def gain_by_year(years: Sequence[Split]) -> str:
    """Draw the share of QLIKE saved of HAR-RV and, where it stands, of HAR-X, a bar a year each."""
    against = {"har_rv": BLUE, "har_x": ORANGE}
    against = {name: colour for name, colour in against.items() if name in years[0].qlike}
    gains = {name: [100 * year.gain(name) for year in years] for name in against}
    values = [value for bars in gains.values() for value in bars]
    ticks = _ticks(min(0.0, *values), max(0.0, *values))
    axes = _Axes(240, len(years), ticks[0], ticks[-1])
    width = 0.8 / len(against)
    bars = [
        axes.bar(i + (k - (len(against) - 1) / 2) * width, value, width, against[name])
        for k, (name, of_years) in enumerate(gains.items())
        for i, value in enumerate(of_years)
    ]
    zero = f"<line x1='{_LEFT}' x2='{_WIDTH - _RIGHT}' y1='{axes.y(0):.1f}' y2='{axes.y(0):.1f}' "
    return _svg(
        "QLIKE saved, by year",
        axes.height,
        axes.grid(ticks),
        *bars,
        zero + "stroke='currentColor'/>",
        axes.below({i: f"’{year.name[2:]}" for i, year in enumerate(years)}),
    ) + _legend({f"saved of {name}": colour for name, colour in against.items()})


def coverage_by_year(rows: pd.DataFrame) -> str:
    """Draw the share of outcomes inside each interval by year, against what was intended."""
    ready = rows[rows["lo80"].notna()]
    years = np.asarray([session.year for session in ready["session"]])
    names = sorted(set(years))
    parts = []
    axes = _Axes(220, max(len(names), 1), 50.0, 100.0)
    for share, colour in (("80", BLUE), ("95", ORANGE)):
        inside = ready["rv_5d"].between(ready[f"lo{share}"], ready[f"hi{share}"]).to_numpy()
        held = np.asarray([100 * inside[years == year].mean() for year in names])
        y = axes.y(float(share))
        parts.append(
            f"<line x1='{_LEFT}' x2='{_WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}' "
            f"stroke='{colour}' stroke-dasharray='6 4'/>"
        )
        parts += [
            f"<circle cx='{axes.x(i):.1f}' cy='{axes.y(max(value, 50.0)):.1f}' r='4.5' "
            f"fill='{colour}'/>"
            for i, value in enumerate(held)
        ]
    return _svg(
        "Share of outcomes inside the intervals, by year",
        axes.height,
        axes.grid([50, 60, 70, 80, 90, 100]),
        *parts,
        axes.below({i: f"’{str(year)[2:]}" for i, year in enumerate(names)}),
    ) + _legend({"80 % interval": BLUE, "95 % interval": ORANGE, "dashed: as intended": "none"})


def shap_summary(names: Sequence[str], contributions: Floats, values: Floats) -> str:
    """Draw each feature's contributions as a strip of points, the largest features first.

    Parameters
    ----------
    names : sequence of str, k
    contributions, values : f8[n, k]
        In log variance; and of the features, for the colour: orange where high, blue where low.
    """
    size = np.abs(contributions).mean(axis=0)
    order = np.argsort(-size, kind="stable")[:12]
    low, high = float(contributions.min()), float(contributions.max())
    left, row = 190, 24
    height = row * len(order) + _BOTTOM

    def x(value: float) -> float:
        return left + (value - low) / (high - low or 1.0) * (_WIDTH - left - 70)

    parts = [
        f"<line x1='{x(0):.1f}' x2='{x(0):.1f}' y1='0' y2='{height - _BOTTOM}' "
        "stroke='currentColor' opacity='.4'/>"
    ]
    for place, k in enumerate(order):
        middle = row * place + row / 2
        rank = pd.Series(values[:, k]).rank(pct=True).fillna(0.5).to_numpy()
        parts.append(f"<text x='{left - 8}' y='{middle + 4}' text-anchor='end'>{names[k]}</text>")
        told = f"text-anchor='end'>{size[k]:.3f}</text>"
        parts.append(f"<text x='{_WIDTH - 4}' y='{middle + 4}' {told}")
        # Points of one value lie apart by their order, which is no chance.
        parts += [
            f"<circle cx='{x(value):.1f}' cy='{middle + (i * 7 % 13 - 6):.1f}' r='2' "
            f"fill='{VERMILION if rank[i] > 0.5 else BLUE}' opacity='.45'/>"
            for i, value in enumerate(contributions[:, k])
        ]
    parts.append(
        f"<text x='{x(0):.1f}' y='{height - 6}' text-anchor='middle'>0, log variance</text>"
    )
    return _svg("Contributions of the features to the forecast", height, *parts) + _legend(
        {"feature high": VERMILION, "feature low": BLUE, "right: mean absolute": "none"}
    )


def regime_ribbon(sessions: "pd.Series[Any]", price: Floats, regime: Sequence[str]) -> str:
    """Draw the price, 100 at first and on a log scale, over a ribbon of regimes.

    Parameters
    ----------
    sessions : pandas.Series of date, n
    price : f8[n]
        Total-return index.
    regime : sequence of str, n
        The most probable state; empty where unknown.
    """
    logs = np.log10(price)
    axes = _Axes(240, len(logs), float(np.nanmin(logs)) - 0.02, float(np.nanmax(logs)) + 0.02)
    starts = [i for i in range(len(regime)) if i == 0 or regime[i] != regime[i - 1]]
    ribbon = [
        f"<rect x='{axes.x(a - 0.5):.1f}' y='{_TOP}' width='{axes.x(b) - axes.x(a):.2f}' "
        f"height='{axes.height - _TOP - _BOTTOM}' fill='{_REGIME_COLOURS[regime[a]]}' "
        "opacity='.3'/>"
        for a, b in zip(starts, [*starts[1:], len(regime)], strict=True)
        if regime[a]
    ]
    decades = [
        v for v in (25, 50, 100, 200, 400, 800, 1600) if axes.low <= np.log10(v) <= axes.high
    ]
    labels = "".join(
        f"<text x='{_LEFT - 6}' y='{axes.y(float(np.log10(v))) + 4:.1f}' "
        f"text-anchor='end'>{v}</text>"
        for v in decades
    )
    return _svg(
        "Price, 100 at first, and the regime of each session",
        axes.height,
        *ribbon,
        axes.line(logs, "currentColor"),
        labels,
        axes.below(_years(sessions)),
    ) + _legend(_REGIME_COLOURS)


def _svg(title: str, height: int, *parts: str) -> str:
    return (
        f"<svg viewBox='0 0 {_WIDTH} {height}' role='img' aria-label='{escape(title)}'>"
        f"<title>{escape(title)}</title>"
        f"<g font-size='12' fill='currentColor' stroke='none'>{''.join(parts)}</g></svg>"
    )


def _legend(colours: Mapping[str, str]) -> str:
    keys = "".join(
        f"<span><i style='background:{colour}'></i>{escape(name)}</span>"
        for name, colour in colours.items()
    )
    return f"<p class='legend'>{keys}</p>"


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers from at or below ``low`` to at or above ``high``."""
    span = max(high - low, 1e-9)
    rough = span / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first, last = np.floor(low / step), np.ceil(high / step)
    return [float(round(k * step, 10)) for k in range(int(first), int(last) + 1)]


def _months(sessions: "pd.Series[Any]") -> dict[int, str]:
    days = pd.DatetimeIndex(pd.to_datetime(sessions))
    return {
        i: days[i].strftime("%b") if days[i].month != 1 else days[i].strftime("%Y")
        for i in range(1, len(days))
        if days[i].month != days[i - 1].month
    }


def _years(sessions: "pd.Series[Any]") -> dict[int, str]:
    years = pd.DatetimeIndex(pd.to_datetime(sessions)).year
    firsts = [i for i in range(1, len(years)) if years[i] != years[i - 1]]
    every = 1 + len(firsts) // 15
    return {i: str(years[i]) for i in firsts[::every]}
