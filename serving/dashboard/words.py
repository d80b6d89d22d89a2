"""The text of each chart: what it shows, in words and numbers."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from volcast.core.names import LABELS, STATES
from volcast.evaluation.words import versus as compared
from volcast.monitoring.status import Versus, coverage
from volcast.monitoring.status.words import days, error_words, percent

__all__ = [
    "bounds",
    "day",
    "of_fan",
    "of_regimes",
    "of_skill",
    "of_track",
    "runs",
    "signed_share",
]


def day(when: date | None) -> str:
    """Return a day as ``3 Jan 2022``; ``none`` for none."""
    return "none" if when is None else days(when, when)


def signed_share(value: float) -> str:
    """Return a share of one as ``+5.0 %``."""
    return f"{100 * value:+.1f} %"


def bounds(low: float, high: float) -> str:
    """Return an interval of volatilities as ``8.6 to 20.1 %``."""
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def of_fan(rows: pd.DataFrame) -> str:
    """Compare forecasts with outcomes."""
    last = rows.iloc[-1]
    sentences = [f"{_span(rows)}: {len(rows):,} forecasts, the newest {percent(last['forecast'])}."]
    realized = rows[rows["realized"].notna()]
    if len(realized):
        newest, inside = realized.iloc[-1], coverage(realized)
        error = error_words(newest["forecast"], newest["realized"])
        sentences.append(
            f"The newest with a known outcome, of {day(newest['session'])}, was "
            f"{percent(newest['forecast'])}; the outcome was {percent(newest['realized'])} "
            f"({error})."
        )
        if inside is not None:
            count = len(realized.dropna(subset=["lo80"]))
            sentences.append(
                f"Of {count:,} outcomes {percent(inside[80])} were inside the 80 % interval and "
                f"{percent(inside[95])} inside the 95 % interval."
            )
    published = int((rows["origin"] == "published").sum())
    sentences.append(
        f"{published:,} {'was' if published == 1 else 'were'} published, by models trained on "
        "earlier sessions only; the others are the walk-forward forecasts that the gate judged the "
        "champion by."
        if published < len(rows)
        else "All were published, by models trained on earlier sessions only."
    )
    return " ".join(sentences)


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


def of_regimes(rows: pd.DataFrame) -> str:
    """Describe the regimes, and since when the present one lasts."""
    first, last = rows["close"].iloc[[0, -1]]
    sentences = [
        f"{_span(rows)}: the close went from {first:,.2f} to {last:,.2f} "
        f"({signed_share(last / first - 1)})."
    ]
    stretches = runs(rows)
    if stretches.empty:
        return f"{sentences[0]} No regime has been fitted for these sessions."
    fitted = rows["regime"].dropna()
    parts = [f"{name} {percent((fitted == name).mean())}" for name in STATES]
    sentences.append(f"Of its sessions were {', '.join(parts)}.")
    newest = stretches.iloc[-1]
    if rows["regime"].iloc[-1] == newest["regime"]:
        since = newest["first"].date()
        before = " or before" if len(stretches) == 1 else ""
        sentences.append(f"{newest['regime'].capitalize()} since {day(since)}{before}.")
    return " ".join(sentences)


def of_skill(scores: Sequence[Versus]) -> tuple[bool, str]:
    """Return whether volcast has the lower QLIKE than all others, and the comparisons in words."""
    clauses = [compared(one.skill, "volcast") for one in scores]
    return all(one.skill.gain > 0 for one in scores), f"Over this span {'; '.join(clauses)}."


def of_track(months: pd.DataFrame, metric: str, past: float | None) -> str:
    """Count the months in which volcast was better than each baseline."""
    wide = months.pivot_table(index="month", columns="name", values=metric)
    name = {"qlike": "QLIKE", "rmse": "RMSE"}[metric]
    if "volcast" not in wide:
        return "No month of this span has an outcome."
    sentences = [f"{name} loss by month of the forecast, lower is better."]
    for other in (LABELS["har_rv"], LABELS["har_x"], LABELS["vix"]):
        if other in wide:
            both = wide[["volcast", other]].dropna()
            won = int((both["volcast"] < both[other]).sum())
            sentences.append(f"Better than {other} in {won} of {len(both)} months.")
    worst = wide["volcast"].idxmax()
    sentences.append(f"The worst month was {worst:%b %Y} ({wide['volcast'].max():.2f}).")
    if past is not None:
        sentences.append(f"Before this span volcast's own mean loss was {past:.2f} (dotted).")
    return " ".join(sentences)


def _span(rows: pd.DataFrame) -> str:
    return days(rows["session"].iloc[0], rows["session"].iloc[-1])
