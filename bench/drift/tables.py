"""Summaries of many trials, as numbers and as a page."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench.drift.trials import SHIFTS, Trial
from bench.goal import Goal

__all__ = ["as_markdown", "goals", "summary"]

_DOUBLED = "scale 2, 5 of 35"
_SPANS = (60, 250)


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return shares over the trials: tests that fire falsely, false alarms a month, and power."""
    changes = sorted({name for trial in trials for name in trial.seen})
    return {
        "false_verdicts": {key: _share(t.raw[key] for t in trials) for key in trials[0].raw},
        "false_alarm_months": _share(t.alert for t in trials),
        "false_retrain_months": _share(t.retrain for t in trials),
        "power": {
            name: {str(n): _share(t.seen.get(name, 999) <= n for t in trials) for n in _SPANS}
            for name in changes
        },
        "level_test_fires": {
            f"{size:g}": {str(n): _share(t.level[size, n] for t in trials) for n in _SPANS}
            for size in SHIFTS
        },
    }


def goals(results: dict[str, Any]) -> list[Goal]:
    """Return every goal, judged at the worst market."""
    markets, cost = results["markets"].values(), results["cost"]
    whole = cost["calibration_seconds"] + cost["check_seconds"]
    false = max(share for m in markets for share in m["false_verdicts"].values())
    months = max(m["false_alarm_months"] for m in markets)
    power = min(m["power"].get(_DOUBLED, {"60": 0.0})["60"] for m in markets)
    return [
        Goal("false positives of the worst test", false, "<=", 0.1),
        Goal("months with a false alarm or retrain", months, "<=", 0.05),
        Goal("twice the scale in 5 of 35 features, reported in 60 sessions", power, ">=", 0.9),
        Goal("a check over the bare detector calls, time", cost["ratio"], "<=", 1.25),
        Goal("a check with its calibration, s", whole, "<", 5),
    ]


def _share(of: Iterable[float]) -> float:
    return round(float(np.mean(list(of))), 3)


def as_markdown(results: dict[str, Any]) -> str:
    """Lay the results out as tables, a column a market."""
    markets = list(results["markets"].values())
    head = ["", *results["markets"]]
    tests = markets[0]["false_verdicts"]
    false = {f"`{test}`": [m["false_verdicts"][test] for m in markets] for test in tests}
    for what in ("alarm", "retrain"):
        false[f"months with a false {what}"] = [m[f"false_{what}_months"] for m in markets]
    changes = sorted({name for m in markets for name in m["power"]})
    level = [(size, [m["level_test_fires"][f"{size:g}"] for m in markets]) for size in SHIFTS]
    sections = {
        "Goals": _table(
            ("", "value", "goal", ""),
            [
                (g.what, f"{g.value:.3g}", f"{g.sign} {g.bound:g}", g.verdict)
                for g in goals(results)
            ],
        ),
        "False positives: share of features whose test fires where nothing has changed": _table(
            head, [[name, *(f"{share:.1%}" for share in row)] for name, row in false.items()]
        ),
        "Power: share of markets in which a change is reported, within 60 / 250 sessions": _table(
            head, [[name, *(_pair(m["power"].get(name)) for m in markets)] for name in changes]
        ),
        "The level test of a single moved feature, with all of the window 60 / 250 after": _table(
            head, [[f"{size:g} sd", *map(_pair, row)] for size, row in level]
        ),
        "Cost": "\n".join(
            f"- {name.replace('_', ' ')}: {value}" for name, value in results["cost"].items()
        ),
    }
    return (
        "# Power and false alarms of the drift check\n\n"
        f"{results['trials']} markets of each kind, 35 features, thresholds calibrated on 2,500 "
        "sessions of each, then checked daily. Made by `python -m bench.drift`.\n"
        + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())
    )


def _pair(shares: dict[str, float] | None) -> str:
    return "0 / 0" if shares is None else f"{shares['60']:.0%} / {shares['250']:.0%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
