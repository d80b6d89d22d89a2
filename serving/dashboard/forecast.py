"""The newest forecast as one number, whether it may be trusted, and what moved it."""

from html import escape
from math import exp

import numpy as np
import pandas as pd

from serving.dashboard.facts import Facts
from serving.dashboard.markup import definitions, details, notice, prose, table
from serving.dashboard.words import bounds, day, signed_share
from volcast.core import calendar
from volcast.core.errors import VolcastError
from volcast.core.names import LABELS
from volcast.monitoring import status
from volcast.monitoring.status.words import days, percent, points, session_words

__all__ = ["drivers", "headline"]


def headline(facts: Facts) -> str:
    """Return the newest forecast, its change, its rank, its interval, and how far to trust it."""
    try:
        outlook = facts.outlook
    except VolcastError as error:
        title = f"{facts.symbol}: the forecast cannot be read"
        return f"<h1>{escape(title)}</h1>{notice('wrong', str(error))}"
    if isinstance(outlook, status.Missing):
        title = f"{facts.symbol}: no forecast yet"
        return f"<h1>{escape(title)}</h1>{notice('missing', str(outlook))}"
    row = outlook.row
    span = days(row["target_from"], row["target_to"])
    title = f"{row['symbol']}, annualised volatility over the next five sessions, {span}"
    probability = row.get(f"p_{row['regime']}")
    overview = [
        *_compared(facts, outlook),
        ("80 % interval", bounds(row["lo80"], row["hi80"]),
         f"95 %: {bounds(row['lo95'], row['hi95'])}"),
        ("Market", row["regime"] or "unknown",
         "" if probability is None else f"probability {percent(probability)}"),
    ]  # fmt: skip
    others = (
        f"{LABELS[name]} {percent(value)}"
        for name in ("har_rv", "har_x", "vix")
        if (value := row[f"baseline_{name}"]) is not None
    )
    text = (
        f"As of the close of {day(row['session'])}, by model version {row['model_version']}. "
        f"Others forecast: {', '.join(others) or 'nothing'}."
    )
    return (
        f'<p class="kicker">volcast · forecast of realized volatility</p>'
        f'<h1><span class="number">{percent(row["rv_5d_hat"])}</span> {escape(title)}</h1>'
        + _hindsight(outlook) + _stale(facts) + definitions(overview) + prose(text)
    )  # fmt: skip


def _compared(facts: Facts, outlook: status.Outlook) -> list[tuple[str, str, str]]:
    """Return the change since the session before, and the rank among a year's forecasts."""
    row, past, rank = outlook.row, _past(facts, outlook), ("unknown", "too few earlier forecasts")
    change = ("none", "no forecast of the session before")
    if outlook.change is not None:
        change = (f"{points(outlook.change)} points", "")
    elif len(past) and past.index[-1] == calendar.after(row["session"], -1):
        difference = points(row["rv_5d_hat"] - past.iloc[-1])
        change = (f"{difference} points", "from the walk-forward forecast")
    percentile = status.percentile(outlook, past)
    if percentile is not None:
        share, count = percentile
        rank = (f"{100 * share:.0f} %", f"of the {count} before it were lower")
    return [("Change from yesterday", *change), ("Among the last year's forecasts", *rank)]


def _past(facts: Facts, outlook: status.Outlook) -> "pd.Series[float]":
    try:
        return status.forecasts_before(outlook, facts.track)
    except VolcastError:
        return pd.Series(dtype=float)  # the sections on the track have the error


def _hindsight(outlook: status.Outlook) -> str:
    if not outlook.hindsight:
        return ""
    version, trained_to = outlook.row["model_version"], outlook.row["model_as_of"]
    trained = (
        "does not record which sessions it was trained on"
        if trained_to is None
        else f"was trained on sessions up to {day(trained_to)}"
    )
    text = f"Hindsight: version {version} {trained}, so this is no forecast that"
    return notice("warning", f"{text} could have been made then.")


def _stale(facts: Facts) -> str:
    try:
        health = facts.health
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


def drivers(outlook: status.Outlook) -> str:
    """Return what adds up to the newest forecast, in percent of it."""
    parts = status.drivers(outlook.row)
    ends = [*np.cumsum([part.share for part in parts[:-1]]), 1.0]
    low, high = min(0.0, *ends), max(ends)
    rows = ""
    for part, end in zip(parts, ends, strict=True):
        whole, share = part.feature in ("base", "total"), part.share
        kind = "level" if whole else "raises" if share > 0 else "lowers"
        left, width = (x / (high - low) for x in (min(end, end - share) - low, abs(share)))
        value = f"{100 * share:.0f} %" if whole else signed_share(share)
        rows += (
            f'<tr class="{kind}"><th scope="row">{escape(part.words)}</th><td class="n">{value}'
            f'</td><td class="bar"><i style="left:{left:.2%};width:{width:.2%}"></i></td></tr>'
        )
    bars = (
        '<table class="bars"><caption>What adds up to the forecast, in percent of it</caption>'
        '<thead><tr><th scope="col">driver</th><th scope="col" class="n">share</th>'
        f'<th scope="col">from zero to the forecast</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    average, newest = (percent(exp(part.contribution / 2)) for part in (parts[0], parts[-1]))
    text = f"An average day, {average}, is {100 * parts[0].share:.0f} % of the forecast, {newest}."
    columns = ("driver", "feature", "its value", "log variance")
    numbers = table("Contributions add up in log variance", columns, [_row(p) for p in parts])
    return bars + prose(text) + details("As the model adds them", numbers)


def _row(part: status.Driver) -> tuple[str, ...]:
    value = "" if part.value is None else f"{part.value:.3f}"
    name = "" if part.value is None else f"`{part.feature}`"
    return part.words, name, value, f"{part.contribution:+.3f}"
