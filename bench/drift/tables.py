"""What many trials come to, as numbers and as a page."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench.drift.trials import SHIFTS, Trial
from bench.goal import Goal

__all__ = ["as_markdown", "goals", "summary"]

_DOUBLED = "scale 2, 5 of 35"


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return shares over the trials: false verdicts by test, false alarms a month, and power."""
    changes = sorted({name for trial in trials for name in trial.seen})
    return {
        "false_verdicts": {key: _share(t.raw[key] for t in trials) for key in trials[0].raw},
        "false_alarm_months": _share(t.alert for t in trials),
        "false_retrain_months": _share(t.retrain for t in trials),
        "found": {
            name: {
                str(within): round(
                    float(np.mean([t.seen.get(name, 999) <= within for t in trials])), 3
                )
                for within in (60, 250)
            }
            for name in changes
        },
        "level_test_fires": {
            f"{size:g}": {
                str(window): _share(t.level[size, window] for t in trials) for window in (60, 250)
            }
            for size in SHIFTS
        },
    }


def goals(results: dict[str, Any]) -> list[Goal]:
    """Return every goal, judged at the worst market."""
    markets, cost = results["markets"].values(), results["cost"]
    whole = cost["calibration_seconds"] + cost["check_seconds"]
    false = max(share for m in markets for share in m["false_verdicts"].values())
    months = max(m["false_alarm_months"] for m in markets)
    found = min(m["found"].get(_DOUBLED, {"60": 0.0})["60"] for m in markets)
    return [
        Goal("false verdicts of the worst test", false, "<=", 0.1),
        Goal("months with a false alarm or retrain", months, "<=", 0.05),
        Goal("twice the scale in 5 of 35 features, found in 60 sessions", found, ">=", 0.9),
        Goal("a check over the bare detector calls, time", cost["ratio"], "<=", 1.5),
        Goal("a check with its calibration, s", whole, "<", 5),
    ]


def _share(of: Iterable[float]) -> float:
    return round(float(np.mean(list(of))), 3)


def as_markdown(results: dict[str, Any]) -> str:
    """Lay the results out as tables, a column a market."""
    markets = results["markets"]
    head = ["", *markets]
    lines = [
        "# Power and false alarms of the drift check",
        "",
        f"{results['trials']} markets of each kind, 35 features, thresholds calibrated on 2,500 "
        "sessions of each, then checked daily. Made by `python -m bench.drift`.",
        "",
        "## Goals",
        "",
        *_table(
            ("", "found", "goal", ""),
            [
                (g.what, f"{g.found:.3g}", f"{g.sign} {g.bound:g}", g.verdict)
                for g in goals(results)
            ],
        ),
        "",
        "## False verdicts: share of features whose test fires where nothing has changed",
        "",
        *_table(head, _false(markets)),
        "",
        "## Found: share of markets in which a change is called drift, within 60 / 250 sessions",
        "",
        *_table(head, _found(markets)),
        "",
        "## The level test of a single feature that has moved, window 60 / 250, all of it after",
        "",
        *_table(head, _level(markets)),
        "",
        "## Cost",
        "",
        *(f"- {name.replace('_', ' ')}: {value}" for name, value in results["cost"].items()),
    ]
    return "\n".join(lines) + "\n"


def _false(markets: dict[str, Any]) -> list[list[str]]:
    tests = list(next(iter(markets.values()))["false_verdicts"])
    rows = [
        [f"`{test}`", *(f"{m['false_verdicts'][test]:.1%}" for m in markets.values())]
        for test in tests
    ]
    months = [
        [
            f"months with a false {what}",
            *(f"{m[f'false_{what}_months']:.1%}" for m in markets.values()),
        ]
        for what in ("alarm", "retrain")
    ]
    return [*rows, *months]


def _found(markets: dict[str, Any]) -> list[list[str]]:
    changes = sorted({name for m in markets.values() for name in m["found"]})
    return [[name, *(_pair(m["found"].get(name)) for m in markets.values())] for name in changes]


def _level(markets: dict[str, Any]) -> list[list[str]]:
    return [
        [f"{size:g} sd", *(_pair(m["level_test_fires"][f"{size:g}"]) for m in markets.values())]
        for size in SHIFTS
    ]


def _pair(shares: dict[str, float] | None) -> str:
    return "0 / 0" if shares is None else f"{shares['60']:.0%} / {shares['250']:.0%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return [line(head), line(["---"] * len(head)), *map(line, rows)]
