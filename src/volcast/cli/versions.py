"""What a person is shown of a model version, and of the challenger's record."""

import json
from collections.abc import Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from volcast.cli.summary import print_skill

if TYPE_CHECKING:
    from volcast.registry import Event, Version
    from volcast.registry.run_files import Lineage
    from volcast.store import Store
    from volcast.training.shadow import Record

__all__ = ["events_table", "print_record", "print_version"]


def print_version(console: Console, store: "Store", version: "Version") -> None:
    """Print a version: record, recipe, lineage, skill, intervals, files, and its moves.

    Raises
    ------
    ModelError
        If one of its files is missing or altered.
    """
    from volcast import registry
    from volcast.registry.run_files import Lineage, Metrics, read_decision
    from volcast.registry.versions import read_version

    files = read_version(store, version)
    parts = {name: json.loads(data) for name, data in files.items() if name.endswith(".json")}
    role = registry.roles(store).get(version.version, "never champion")
    lineage = Lineage.from_bytes(files["lineage.json"], f"{version.uri}lineage.json")
    metrics = Metrics.from_bytes(files["metrics.json"], f"{version.uri}metrics.json")
    decision = read_decision(store, version.run_id)
    _facts(console, f"volcast version {version.version}: {role}", {
        "target": version.target or "not named",
        "as of": version.as_of,
        "run": version.run_id,
        "sha256": version.sha256,
        "files": f"{store.uri}/{version.uri}",
    })  # fmt: skip
    sizes = (f"{name} {len(data):,}" for name, data in sorted(files.items()))
    _line(console, f"  bytes: {', '.join(sizes)}")
    _facts(console, "Recipe", _recipe(parts["signature.json"]["recipe"], lineage))
    _facts(console, "Lineage", {
        name: value if isinstance(value, str | int) else json.dumps(value)
        for name, value in lineage.as_dict().items() if name not in {"recipe", "recipes"}
    })  # fmt: skip
    print_skill(console, metrics, version.target)
    if decision is not None:
        _facts(console, f"Gate: {'passed' if decision.passed else 'refused'}, {decision.kind}", {})
        for reason in decision.reasons:
            _line(console, f"  {reason}")
    _facts(console, "Intervals", _intervals(parts["intervals.json"]))
    moves = [e for e in registry.history(store) if version.version in (e.old, e.new)]
    _line(console, "\nMoves" if moves else "\nMoves: none")
    if moves:
        console.print(events_table(moves))


def _recipe(recipe: dict[str, Any], lineage: "Lineage") -> dict[str, object]:
    weight = recipe["tree_weight"]
    parameters = ", ".join(f"{k} {v}" for k, v in sorted(recipe["tree_parameters"].items()))
    return {
        "chosen": f"{recipe['name']}, of {lineage.recipe}",
        "anchor": recipe["anchor"],
        "trees": f"weight {weight:g} on {', '.join(recipe['tree_features'])}",
        "regression": f"weight {1 - weight:g} on {', '.join(recipe['linear_features'])}",
        "parameters": parameters,
    }


def _intervals(offsets: dict[str, float]) -> dict[str, object]:
    def factor(name: str) -> str:
        return f"{exp(offsets[name]):.2f}"

    return {
        f"{share} %": f"{factor(f'lo{share}')} to {factor(f'hi{share}')} times the forecast"
        for share in (80, 95)
    }


def events_table(events: "Sequence[Event]") -> Table:
    """Return the audit trail as a table."""
    table = Table("when, UTC", "who", "what", "from", "to", "why")
    for event in events:
        what = event.kind if event.done else f"{event.kind}, not carried out"
        when = event.when[:19].replace("T", " ")
        table.add_row(when, event.who, what, event.old or "", event.new or "", event.why)
    return table


def print_record(console: Console, found: "Record | None") -> None:
    """Print the challenger's scores beside the champion's, or why there are none."""
    from volcast.training.gate import MIN_ROWS
    from volcast.training.shadow import FEWEST

    if found is None:
        _line(console, "no challenger: see `volcast registry challenge`")
        return
    number = found.challenger.version
    if found.champions is None or found.challengers is None or found.gain is None:
        _line(
            console,
            f"challenger: version {number}; no session yet that both forecast, hindsight left "
            "out, and whose outcome is known",
        )
        return
    table = Table(
        "", "QLIKE", "RMSE, points", title_justify="left",
        title=f"{found.rows} sessions, {found.first} to {found.last}",
    )  # fmt: skip
    for name, score in (
        ("champion", found.champions),
        (f"challenger, version {number}", found.challengers),
    ):
        table.add_row(name, f"{score.qlike:.4f}", f"{score.rmse:.2f}")
    console.print(table)
    said = f"the challenger saves {100 * found.gain:+.1f} % of the champion's QLIKE"
    if found.p is None:
        said += f"; {found.rows} sessions are too few for a p-value ({FEWEST} are needed)"
    else:
        said += f", one-sided Diebold-Mariano p {found.p:.3f}"
    if found.rows < MIN_ROWS:
        said += f", and a judgement needs {MIN_ROWS}"
    _line(console, said)


def _facts(console: Console, title: str, facts: dict[str, Any]) -> None:
    _line(console, f"\n{title}")
    for name, value in facts.items():
        _line(console, f"  {name}: {value}")


def _line(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
