"""Print a forecast, what moved it, how good forecasts have been, and where files are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from math import exp, isfinite
from typing import TYPE_CHECKING, Any

from rich.text import Text

from volcast.cli.arguments import console, print_line
from volcast.cli.tables import Form, Listing, Row, Show, print_data, print_indented, print_listing
from volcast.core.errors import NotFound
from volcast.core.names import LABELS, STATES
from volcast.core.settings import Universe
from volcast.evaluation.table import SkillTable, shown_p
from volcast.evaluation.words import TITLES, better_choice, span, versus, why_fewer
from volcast.features.catalog import label
from volcast.inference.selection import is_hindsight
from volcast.monitoring import status
from volcast.monitoring.status.words import days, finding, percent, points
from volcast.registry import champion_pointer
from volcast.registry.run_files import Metrics
from volcast.store import Store
from volcast.store.tables import (
    MONITORING_DRIFT_DAILY,
    MONITORING_PERFORMANCE,
    MONITORING_RETRAIN,
)

if TYPE_CHECKING:
    from volcast.evaluation.ablation import Ablation

__all__ = [
    "ablations_listing",
    "print_drift",
    "print_forecast",
    "print_skill",
    "print_summary",
    "skill_rows",
]

_SHOWN = ("volcast", "har_rv", "log_har", "har_x", "vix", "gjr_garch")
_COMPARED = ("har_rv", "log_har", "har_x", "vix")


def print_summary(
    store: Store, universe: Universe, form: Form = "text", *, everything: bool = False
) -> None:
    """Print the newest published forecast of the target, and the record of its model.

    Parameters
    ----------
    everything : bool
        All baselines, on all sessions too; JSON and CSV always have them.

    Raises
    ------
    NotFound
        If nothing has been published.
    """
    outlook = status.outlook(store, universe.target)
    champion = champion_pointer(store, universe.target)
    if isinstance(outlook, status.Missing) or champion is None:
        raise NotFound(
            found="no published forecast", expected="at least one", where=store.uri,
            remedy=status.first_step(
                store, universe.target, "Run the train and daily-inference pipelines: `make run`."
            ),
        )  # fmt: skip
    folder = f"runs/{champion.run_id}"
    key = f"{folder}/metrics.json"
    tables = Metrics.from_bytes(store.objects.get(key), key).of_all_sessions
    watch = _watch(store, universe.target)
    if form != "text":
        files = [{"report": f"{store.uri}/{folder}/report.html", "store": store.uri}]
        print_data(
            form, forecast=_forecast_rows(outlook.row), drivers=_drivers_listing(outlook.row),
            skill=skill_rows(tables), monitoring=watch, files=files,
        )  # fmt: skip
        return
    print_forecast(outlook.row, change=outlook.change)
    print_skill(tables, everything=everything)
    print_listing(watch)
    print_line(f"\nreport  {store.uri}/{folder}/report.html")
    print_line(f"store   {store.uri}")


def print_forecast(
    row: Mapping[str, Any], form: Form = "text", *, change: float | None = None
) -> None:
    """Print one row of predictions_daily, and its change since the session before if known."""
    if form != "text":
        print_data(form, forecast=_forecast_rows(row), drivers=_drivers_listing(row))
        return
    if row["model_as_of"] is not None and is_hindsight(row):
        text = (
            f"hindsight: version {row['model_version']} was trained on sessions up to "
            f"{row['model_as_of']}, so this forecast could not have been made then"
        )
        console.print(Text(text, style="yellow"))
    since = "" if change is None else f" ({points(change)} from yesterday)"
    headline = (
        f"\n{row['symbol']}, {days(row['target_from'], row['target_to'])}: "
        f"{percent(row['rv_5d_hat'])} annualised volatility{since}"
    )
    console.print(Text(headline, style="bold"))
    for share in (80, 95):
        low, high = (_shown(row[f"{side}{share}"]) for side in ("lo", "hi"))
        print_indented(f"{share} % between {low} and {high}")
    if row["regime"] is not None:
        print_indented(f"{STATES[row['regime']]}, with probability {row['p_' + row['regime']]:.2f}")
    others = [f"{LABELS[name]} {_shown(row[f'baseline_{name}'])}" for name in ("har_rv", "vix")]
    print_indented(f"for comparison: {', '.join(others)}")
    print_indented(f"as of {row['session']}, model version {row['model_version']}")
    print_listing(_drivers_listing(row))


def print_skill(
    tables: Mapping[str, SkillTable], form: Form = "text", *, everything: bool = False
) -> None:
    """Print how the forecast compares with baselines.

    Parameters
    ----------
    tables : dict of SkillTable
        As `volcast.evaluation.splits.overall` has them. Of them a person sees the leading one,
        with the best known baselines and words, and what the result is on all sessions.
    everything : bool
        Every baseline of each table.
    """
    if form != "text":
        print_data(form, skill=skill_rows(tables))
        return
    names = [name for name in TITLES if name in tables]
    for name in names if everything else names[:1]:
        table = tables[name]
        lines = [line for line in table.lines if everything or line.name in _SHOWN]
        rows = skill_rows({name: SkillTable(tuple(lines), table.rows, table.first, table.last)})
        print_listing(Listing(rows, _SKILL_COLUMNS, f"Walk-forward skill, {span(table)}"))
        if everything and table.left_out:
            left_out = ", ".join(LABELS[one] for one in table.left_out)
            print_indented(f"not on every session, so left out: {left_out}")
        _print_verdict(table)
    if len(tables) > 1 and not everything:
        print_indented(why_fewer(tables))
    if names and (advice := better_choice(tables)):
        print_indented(advice)


def skill_rows(tables: Mapping[str, SkillTable]) -> list[Row]:
    """Return the lines of tables of skill, each with its table's name and sessions."""
    return [
        {"table": name, **asdict(line), "rows": table.rows, "first": table.first,
         "last": table.last}
        for name, table in tables.items()
        for line in table.lines
    ]  # fmt: skip


def ablations_listing(ablations: "Sequence[Ablation]") -> Listing:
    """Return what each group of features is worth."""
    columns: dict[str, Show] = {
        "group": lambda row: row["group"],
        "": lambda row: row["kind"],
        "period": lambda row: row["period"],
        "with": lambda row: f"{row['with_group']:.4f}",
        "without": lambda row: f"{row['without']:.4f}",
        "saved by it": lambda row: _signed(row["gain"]),
        "p, one-sided": lambda row: shown_p(row["p_better"]),
    }
    return Listing([asdict(one) for one in ablations], columns, "Ablation")


_SKILL_COLUMNS: Mapping[str, Show] = {
    "forecast": lambda row: LABELS[row["name"]],
    "QLIKE": lambda row: f"{row['qlike']:.4f}",
    "RMSE, pts": lambda row: f"{row['rmse']:.2f}",
    "QLIKE saved": lambda row: "" if row["name"] == "volcast" else _signed(row["gain"]),
    "p": lambda row: "" if row["name"] == "volcast" else shown_p(row["p_better"]),
}


def print_drift(store: Store, target: str, session: date, form: Form) -> None:
    """Print what the drift check of a session found: the verdict, and tests over their threshold.

    JSON and CSV have every test.
    """
    rows = store.read(MONITORING_DRIFT_DAILY, symbols=[target], first=session, last=session)
    tests = rows.to_pylist()
    if form != "text":
        print_data(form, drift=tests)
        return
    fired = [row for row in tests if row["fired"] and row["subject"] != "verdict"]
    columns: dict[str, Show] = {
        "subject": lambda row: label(row["subject"]),
        "test": lambda row: row["test"],
        "window": lambda row: str(row["window"]),
        "statistic": lambda row: f"{row['statistic']:.3f}",
        "threshold": lambda row: f"{row['threshold']:.3f}",
    }
    if fired:
        print_listing(Listing(fired, columns, "Tests over their threshold"))
    for row in tests:
        if row["subject"] == "verdict":
            print_line(f"\ndrift at {session}: {row['state']}; {row['detail']}")


def _print_verdict(table: SkillTable) -> None:
    """Print in words how the forecast compares, and the coverage of its intervals."""
    lines = {line.name: line for line in table.lines}
    for name in _COMPARED:
        if name in lines:
            print_indented(versus(lines[name], "volcast"))
    print_indented(
        f"80 % intervals contained {_shown(table.coverage80)} of outcomes, "
        f"95 % intervals {_shown(table.coverage95)}"
    )


def _forecast_rows(row: Mapping[str, Any]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "drivers"}]


def _drivers_listing(row: Mapping[str, Any]) -> Listing:
    """Return what adds up to the forecast, in percent of it, from an average day on."""
    parts = status.drivers(row)[:-1]
    rows = [
        {"feature": one.feature, "label": one.words, "value": one.value,
         "log_variance": one.contribution, "share": one.share}
        for one in parts
    ]  # fmt: skip
    average = percent(exp(parts[0].contribution / 2))
    rows[0]["label"] = f"an average day, {average}"
    columns: dict[str, Show] = {
        "driver": lambda row: row["label"], "share": lambda row: _signed(row["share"])
    }  # fmt: skip
    return Listing(rows, columns, "What adds up to the forecast, in percent of it")


def _watch(store: Store, target: str) -> Listing:
    """Return the newest realized error, drift and decision on retraining."""
    rows: list[Row] = []
    for name, table, values in (
        ("realized error", MONITORING_PERFORMANCE, {}),
        ("drift", MONITORING_DRIFT_DAILY, {"subject": "verdict"}),
        ("retraining", MONITORING_RETRAIN, {}),
    ):
        stored = store.read(table, symbols=[target]).to_pylist()
        matching = [row for row in stored if values.items() <= row.items()]
        newest: Row = max(matching, key=lambda row: row["session"], default={})
        state, detail = newest.get("state", "not-checked"), newest.get("detail")
        if "train" in newest:
            state = "started" if newest["train"] else "needed" if newest["needed"] else "not-needed"
            detail = newest["reason"].removeprefix("not needed: ")
        rows.append(
            {"check": name, "state": state, "session": newest.get("session"), "detail": detail}
        )
    columns: dict[str, Show] = {
        "check": lambda row: row["check"],
        "state": lambda row: finding(row["state"]),
        "session": lambda row: str(row["session"] or ""),
        "detail": lambda row: row["detail"] or "",
    }
    return Listing(rows, columns, "Monitoring")


def _signed(share: float) -> str:
    return f"{100 * share:+.1f} %"


def _shown(share: float | None) -> str:
    return "none" if share is None or not isfinite(share) else percent(share)
