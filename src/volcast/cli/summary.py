"""Print the forecast, its drivers, the table of skill, and where files are."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.table import Table

from volcast.cli.arguments import console, print_line
from volcast.core.errors import NotFound
from volcast.core.names import LABELS, STATES
from volcast.core.settings import Universe
from volcast.evaluation.table import SkillTable, shown_p
from volcast.features.catalog import label
from volcast.inference.selection import is_hindsight
from volcast.monitoring import status
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

__all__ = ["print_ablations", "print_forecast", "print_skill", "print_summary", "print_table"]


def print_forecast(row: Mapping[str, Any]) -> None:
    """Print one row of predictions_daily."""
    show = partial(console.print, highlight=False)
    if row["model_as_of"] is not None and is_hindsight(row):
        show(
            f"[yellow]hindsight[/]: version {row['model_version']} was trained on sessions up to "
            f"{row['model_as_of']}, so this forecast could not have been made then",
        )
    show(
        f"\n[bold]{row['symbol']}[/], next five sessions ({row['target_from']} to "
        f"{row['target_to']}): [bold]{_percent(row['rv_5d_hat'])}[/] annualised volatility"
    )
    show(
        f"  80 % between {_percent(row['lo80'])} and {_percent(row['hi80'])}, "
        f"95 % between {_percent(row['lo95'])} and {_percent(row['hi95'])}"
    )
    if row["regime"] is not None:
        show(f"  {STATES[row['regime']]} (probability {row['p_' + row['regime']]:.2f})")
    baselines = {LABELS[name]: row[f"baseline_{name}"] for name in ("har_rv", "vix")}
    others = ", ".join(f"{name} {_percent(value)}" for name, value in baselines.items())
    show(f"  as of {row['session']}, model version {row['model_version']}; {others}")
    drivers = Table("driver", "value", "log variance", title="Top drivers", title_justify="left")
    for one in row["drivers"]:
        drivers.add_row(label(one["feature"]), f"{one['value']:.3f}", f"{one['contribution']:+.3f}")
    drivers.add_row("all others", "", f"{row['others_contribution']:+.3f}")
    drivers.add_row("base", "", f"{row['base_log_variance']:+.3f}")
    console.print(drivers)


def print_ablations(ablations: "Sequence[Ablation]") -> None:
    """Print what each group of features is worth."""
    table = Table("group", "", "period", "with", "without", "saved by it", "DM p", title="Ablation")
    for one in ablations:
        table.add_row(
            one.group, one.kind, one.period, f"{one.with_group:.4f}", f"{one.without:.4f}",
            f"{100 * one.gain:+.1f} %", f"{one.p_better:.3f}",
        )  # fmt: skip
    console.print(table)


def print_skill(metrics: Metrics, symbol: str) -> None:
    """Print a run's table of skill, and that of the rows which every baseline has."""
    for table in (metrics.all, metrics.all_baselines):
        if table is not None:
            print_table(table, symbol)


def print_summary(store: Store, universe: Universe) -> None:
    """Print the newest published forecast of the target, and the record of its model.

    Raises
    ------
    NotFound
        If nothing has been published.
    """
    outlook = status.outlook(store, universe.target)
    champion = champion_pointer(store)
    if isinstance(outlook, status.Missing) or champion is None:
        raise NotFound(
            found="no published forecast", expected="at least one", where=store.uri,
            remedy="Run the train and daily-inference pipelines: `make run`.",
        )  # fmt: skip
    print_forecast(outlook.row)
    key = f"runs/{champion.run_id}/metrics.json"
    print_skill(Metrics.from_bytes(store.objects.get(key), key), universe.target)
    _print_watch(store, universe.target)
    print_line(f"report    {store.uri}/runs/{champion.run_id}/report.html")
    print_line(f"data      {store.uri}")


def _print_watch(store: Store, target: str) -> None:
    """Print the newest realized error, drift and retraining, or that it has not run yet."""
    for name, table, values, text, otherwise in (
        ("error", MONITORING_PERFORMANCE, {}, "{state} at {session}: {detail}", "not scored yet"),
        (
            "drift", MONITORING_DRIFT_DAILY, {"subject": "verdict"},
            "{state} at {session}: {detail}", "not checked yet",
        ),
        ("retrain", MONITORING_RETRAIN, {"train": True}, "last at {session}", "never"),
    ):  # fmt: skip
        rows = store.read(table, symbols=[target]).to_pylist()
        matching = [row for row in rows if values.items() <= row.items()]
        newest = max(matching, key=lambda row: row["session"], default=None)
        print_line(f"{name:<10}{text.format(**newest) if newest else otherwise}")


def print_table(skill: SkillTable, symbol: str) -> None:
    """Print a table of skill."""
    table = Table(
        "", "QLIKE", "RMSE, points", "QLIKE saved", "DM p, one-sided", title_justify="left",
        title=f"Walk-forward on {symbol}: {skill.rows} sessions, {skill.first} to "
        f"{skill.last}",
    )  # fmt: skip
    for line in skill.lines:
        ours = line.name == "volcast"
        saved = "" if ours else f"{100 * line.gain:+.1f} %"
        p_value = "" if ours else shown_p(line.p_better)
        table.add_row(LABELS[line.name], f"{line.qlike:.4f}", f"{line.rmse:.2f}", saved, p_value)
    console.print(table)
    labels = ", ".join(LABELS[name] for name in skill.left_out)
    left_out = f"; not on every row, so left out: {labels}" if labels else ""
    print_line(
        f"  intervals covered {_percent(skill.coverage80)} (of 80 %) and "
        f"{_percent(skill.coverage95)} (of 95 %) of outcomes{left_out}"
    )


def _percent(share: float | None) -> str:
    return "none" if share is None or not isfinite(share) else f"{100 * share:.1f} %"
