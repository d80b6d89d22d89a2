"""The JSON files of a training run, typed: lineage.json, metrics.json and verdict.json."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any, Literal, TypeVar

from volcast.core.errors import CorruptFile
from volcast.core.hashing import as_json
from volcast.evaluation.rows import PERIODS
from volcast.evaluation.table import SkillTable
from volcast.store import Store

__all__ = ["GateDecision", "Kind", "Lineage", "Metrics", "read_decision"]

Kind = Literal["unchanged", "first", "new recipe", "refit"]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Lineage:
    """What a run was made of; what a file lacks is at its default.

    Parameters
    ----------
    as_of : date
        The newest session that training could see.
    recipe : str
        Name and hash of the recipes chosen from.
    recipes : Any
        Each recipe as plain data, by name.
    anchor : str
        Name of the recipe that was chosen.
    universe : dict
        ``target`` and the other symbols by role.
    data_sha256 : str
        Of the training rows.
    columns : tuple of str
        Of the training rows.
    rows : int
    code_version, run_id : str
    seed : int
    """

    as_of: date
    recipe: str = ""
    recipes: Any = None
    anchor: str = ""
    universe: dict[str, Any] = field(default_factory=dict)
    data_sha256: str = ""
    columns: tuple[str, ...] = ()
    rows: int = 0
    code_version: str = ""
    seed: int = 7
    run_id: str = ""

    @property
    def target(self) -> str:
        """The symbol that the run was trained on; empty if the file names none."""
        return str(self.universe.get("target", ""))

    def as_dict(self) -> dict[str, Any]:
        """Return what `to_bytes` writes."""
        return asdict(self) | {"as_of": str(self.as_of), "columns": list(self.columns)}

    def to_bytes(self) -> bytes:
        """Return lineage.json."""
        return as_json(self.as_dict())

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "lineage.json") -> "Lineage":
        """Read lineage.json; unknown entries are ignored.

        Raises
        ------
        CorruptFile
            If it is no JSON object of these types.
        """
        return _parsed(cls._of, data, where)

    @classmethod
    def _of(cls, stored: Mapping[str, Any]) -> "Lineage":
        values = {f.name: stored[f.name] for f in fields(cls) if f.name in stored}
        values["as_of"] = date.fromisoformat(stored["as_of"])
        for name, expected in (("universe", dict), ("rows", int), ("recipe", str)):
            if not isinstance(values.get(name, expected()), expected):
                raise TypeError(f"{name} is {values[name]!r}")
        return cls(**(values | {"columns": tuple(values.get("columns", ()))}))


@dataclass(frozen=True)
class Metrics:
    """How a run's recipe did, walking forward.

    Parameters
    ----------
    all : SkillTable
        Over all rows.
    recipe : str
        Name of the recipe that the last fold chose.
    all_baselines : SkillTable or None
        Over the rows that every baseline has, where those are fewer.
    periods : dict of SkillTable
        By the names of `volcast.evaluation.rows.PERIODS`.
    diagnostics : dict
        As `volcast.evaluation.table.diagnostics` returns.
    """

    all: SkillTable
    recipe: str = ""
    all_baselines: SkillTable | None = None
    periods: dict[str, SkillTable] = field(default_factory=dict)
    diagnostics: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, SkillTable]:
        """Every table of skill by its name in the file, that over all rows first."""
        every = {"all": self.all, "all_baselines": self.all_baselines, **self.periods}
        return {name: table for name, table in every.items() if table is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return what `to_bytes` writes."""
        tables = {name: table.as_dict() for name, table in self.tables.items()}
        return {"recipe": self.recipe, "diagnostics": self.diagnostics, **tables}

    def to_bytes(self) -> bytes:
        """Return metrics.json."""
        return as_json(self.as_dict())

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "metrics.json") -> "Metrics":
        """Read metrics.json.

        Raises
        ------
        CorruptFile
            If it is no JSON object, or a table in it is no table of skill.
        """
        return _parsed(cls._of, data, where)

    @classmethod
    def _of(cls, stored: Mapping[str, Any]) -> "Metrics":
        tables = {
            name: SkillTable.from_dict(stored[name])
            for name in ("all", "all_baselines", *PERIODS)
            if name in stored
        }
        return cls(
            all=tables.pop("all"),
            recipe=stored.get("recipe", ""),
            all_baselines=tables.pop("all_baselines", None),
            periods=tables,
            diagnostics=stored.get("diagnostics", {}),
        )


@dataclass(frozen=True)
class GateDecision:
    """What the gate decided on a run.

    Parameters
    ----------
    passed : bool
    kind : {"unchanged", "first", "new recipe", "refit"}
        Which rules applied.
    reasons : tuple of str
        One a check, with its numbers.
    unproven : bool
        Whether it is a new recipe whose only fault is that it was not shown to be better: one to
        run in the champion's shadow.
    champion : str
        SHA-256 of the champion that it was compared with; empty without one.
    """

    passed: bool
    kind: Kind
    reasons: tuple[str, ...]
    unproven: bool = False
    champion: str = ""

    def to_bytes(self) -> bytes:
        """Return verdict.json."""
        return as_json(asdict(self) | {"reasons": list(self.reasons)})

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "verdict.json") -> "GateDecision":
        """Read verdict.json.

        Raises
        ------
        CorruptFile
            If it is no decision.
        """
        return _parsed(lambda s: cls(**(s | {"reasons": tuple(s["reasons"])})), data, where)


def _parsed(parse: Callable[[dict[str, Any]], Parsed], data: bytes, where: str) -> Parsed:
    try:
        stored = json.loads(data)
        if not isinstance(stored, dict):
            raise TypeError(f"a JSON {type(stored).__name__}")
        return parse(stored)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptFile(
            found=f"a file that cannot be read ({error!r})",
            expected="JSON as `volcast train` writes it",
            where=where,
            remedy="Restore it from a backup, or train the run again.",
        ) from error


def read_decision(store: Store, run_id: str) -> GateDecision | None:
    """Return what the gate decided on a run, or None if it has not yet.

    Raises
    ------
    CorruptFile
        If verdict.json cannot be read.
    """
    key = f"runs/{run_id}/verdict.json"
    stored = store.objects.get_or_none(key)
    return None if stored is None else GateDecision.from_bytes(stored.data, key)
