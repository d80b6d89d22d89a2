"""Print a model version, and the challenger's record."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from math import exp
from typing import TYPE_CHECKING, Any

from volcast.cli.arguments import print_line
from volcast.cli.summary import print_skill, skill_rows
from volcast.cli.tables import Form, Listing, Row, Show, print_data, print_listing
from volcast.monitoring.status.words import session_words

if TYPE_CHECKING:
    from volcast.monitoring.shadow import Record
    from volcast.registry import Event, Version
    from volcast.registry.run_files import Lineage
    from volcast.store import Store

__all__ = ["events_listing", "print_record", "print_version"]


def print_version(store: "Store", version: "Version", form: Form = "text") -> None:
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
    moves = [e for e in registry.history(store) if version.version in (e.old, e.new)]
    if form != "text":
        print_data(
            form, version=[asdict(version) | {"role": role}], lineage=[lineage.as_dict()],
            skill=skill_rows(metrics.of_all_sessions), moves=events_listing(moves),
            gate=[decision.as_dict()] if decision else [],
        )  # fmt: skip
        return
    _facts(f"volcast version {version.version}: {role}", {
        "target": version.target or "not named",
        "as of": version.as_of,
        "run": version.run_id,
        "sha256": version.sha256,
        "files": f"{store.uri}/{version.uri}",
    })  # fmt: skip
    sizes = (f"{name} {len(data):,}" for name, data in sorted(files.items()))
    print_line(f"  bytes: {', '.join(sizes)}")
    _facts("Recipe", _recipe(parts["signature.json"]["recipe"], lineage))
    _facts("Lineage", {
        name: value if isinstance(value, str | int) else json.dumps(value)
        for name, value in lineage.as_dict().items()
        if name not in {"recipe", "recipes", "columns"}
    })  # fmt: skip
    print_skill(metrics.of_all_sessions)
    if decision is not None:
        _facts(f"Gate: {'passed' if decision.passed else 'refused'}, {decision.kind}", {})
        for reason in decision.reasons:
            print_line(f"  {reason}")
    factors = {name: f"{exp(offset):.2f}" for name, offset in parts["intervals.json"].items()}
    _facts("Intervals", {
        f"{share} %": f"{factors[f'lo{share}']} to {factors[f'hi{share}']} times the forecast"
        for share in (80, 95)
    })  # fmt: skip
    print_line("\nMoves" if moves else "\nMoves: none")
    if moves:
        print_listing(events_listing(moves))


def _recipe(recipe: dict[str, Any], lineage: "Lineage") -> dict[str, object]:
    weight = recipe["tree_weight"]
    return {
        "chosen": lineage.recipe_name,
        "anchor": recipe["anchor"],
        "trees": f"weight {weight:g} on {', '.join(recipe['tree_features'])}",
        "regression": f"weight {1 - weight:g} on {', '.join(recipe['linear_features'])}",
        "added to both": ", ".join(
            f"{share:g} {name}" for name, share in recipe.get("fixed_shares", {}).items()
        ),
        "parameters": ", ".join(
            f"{name} {value}" for name, value in sorted(recipe["tree_parameters"].items())
        ),
    }


def events_listing(events: "Sequence[Event]") -> Listing:
    """Return the audit trail as a listing."""
    columns: dict[str, Show] = {
        "when, UTC": lambda row: row["when"][:19].replace("T", " "),
        "who": lambda row: row["who"],
        "what": lambda row: row["kind"] if row["done"] else f"{row['kind']}, not carried out",
        "from": lambda row: row["old"] or "",
        "to": lambda row: row["new"] or "",
        "why": lambda row: row["why"],
    }
    return Listing([asdict(event) for event in events], columns)


def print_record(record: "Record | None", form: Form = "text") -> None:
    """Print the challenger's scores next to the champion's, or why there are none."""
    from volcast.monitoring.shadow import FEWEST
    from volcast.training.gate import MIN_ROWS

    if form != "text":
        print_data(form, shadow=[] if record is None else [_record_row(record)])
        return
    if record is None:
        print_line("no challenger: see `volcast registry challenge`")
        return
    number = record.challenger.version
    if record.champions is None or record.challengers is None or record.gain is None:
        print_line(
            f"challenger: version {number}; no session yet that both forecast, hindsight left "
            "out, and whose outcome is known",
        )
        return
    rows = [
        {"": "champion", **asdict(record.champions)},
        {"": f"challenger, version {number}", **asdict(record.challengers)},
    ]
    columns: dict[str, Show] = {
        "": lambda row: row[""],
        "QLIKE": lambda row: f"{row['qlike']:.4f}",
        "RMSE, points": lambda row: f"{row['rmse']:.2f}",
    }
    span = f"{session_words(record.rows)}, {record.first} to {record.last}"
    print_listing(Listing(rows, columns, span))
    text = f"the challenger saves {100 * record.gain:+.1f} % of the champion's QLIKE"
    if record.p is None:
        text += f"; {record.rows} sessions are too few for a p-value ({FEWEST} are needed)"
    else:
        text += f", one-sided Diebold-Mariano p {record.p:.3f}"
    if record.rows < MIN_ROWS:
        text += f", and a judgement needs {MIN_ROWS}"
    print_line(text)


def _record_row(record: "Record") -> Row:
    scores = {
        f"{who}_{name}": value
        for who, score in (("champion", record.champions), ("challenger", record.challengers))
        for name, value in (asdict(score) if score else {}).items()
    }
    return {
        "version": record.challenger.version, "rows": record.rows, "first": record.first,
        "last": record.last, **scores, "gain": record.gain, "p": record.p,
    }  # fmt: skip


def _facts(title: str, facts: dict[str, Any]) -> None:
    print_line(f"\n{title}")
    for name, value in facts.items():
        print_line(f"  {name}: {value}")
