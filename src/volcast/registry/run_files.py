"""The JSON files of training runs, typed, and the removal of old runs."""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Self

import pydantic  # by attribute: under the detectors pydantic is 1, without TypeAdapter
from typing_extensions import override

from volcast.core.hashing import as_json, parsed
from volcast.evaluation.rows import PERIODS
from volcast.evaluation.table import SkillTable
from volcast.registry.versions import list_versions
from volcast.store import Store

__all__ = [
    "REFUSED", "GateDecision", "Kind", "Lineage", "Metrics", "newest_refusal", "prune",
    "read_decision",
]  # fmt: skip

Kind = Literal["unchanged", "first", "new recipe", "refit"]
_COMPLETE = "complete.json"

REFUSED = "Refused: "
"""Precedes the reason of a check that did not pass."""


class _JsonFile:
    """A dataclass that is one JSON file."""

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "a file of a run") -> Self:
        """Read the file; unknown entries are ignored, CorruptFile if it is not of these types."""
        remedy = "Restore it from a backup, or train the run again."
        return parsed(cls._parse, data, where, remedy=remedy)

    @classmethod
    def _parse(cls, data: bytes) -> Self:
        return pydantic.TypeAdapter(cls).validate_json(data, strict=True)

    def as_dict(self) -> dict[str, Any]:
        """Return what `to_bytes` writes."""
        plain: dict[str, Any] = pydantic.TypeAdapter(type(self)).dump_python(self, mode="json")
        return plain

    def to_bytes(self) -> bytes:
        """Return the file."""
        return as_json(self.as_dict())


@dataclass(frozen=True)
class Lineage(_JsonFile):
    """What a run was made of; what a file lacks is at its default.

    ``recipe`` is the name and hash of the recipes chosen from, ``recipes`` each as plain data,
    ``anchor`` the name of the chosen one; ``data_sha256``, ``columns`` and ``rows`` are of the
    training rows, whose newest session is ``as_of`` or earlier; ``features_code`` is the version of
    the code that computed them, libraries apart.
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
    features_code: str = ""
    seed: int = 7
    run_id: str = ""

    @property
    def recipe_name(self) -> str:
        """The chosen recipe and the hash of those chosen from, as ``blend-iv bf0b3340``."""
        known = self.anchor and self.recipe
        return f"{self.anchor} {self.recipe.split()[-1]}" if known else self.recipe

    @property
    def target(self) -> str:
        """The symbol that the run was trained on; empty if the file names none."""
        return str(self.universe.get("target", ""))


@dataclass(frozen=True)
class Metrics(_JsonFile):
    """How a run's recipe did, walking forward.

    ``recipe`` is the one that the last fold chose; ``all_baselines`` covers the rows that every
    baseline has, where those are fewer than all; ``periods`` are those of
    `volcast.evaluation.rows.PERIODS`.
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

    @property
    def of_all_sessions(self) -> dict[str, SkillTable]:
        """``all`` and, where there is one, ``all_baselines``, by name."""
        return {name: one for name, one in self.tables.items() if name not in self.periods}

    @override
    def as_dict(self) -> dict[str, Any]:
        tables = {name: table.as_dict() for name, table in self.tables.items()}
        return {"recipe": self.recipe, "diagnostics": self.diagnostics, **tables}

    @override
    @classmethod
    def _parse(cls, data: bytes) -> Self:
        stored = json.loads(data)
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
class GateDecision(_JsonFile):
    """What the gate decided on a run.

    ``kind`` names the rules that applied; ``reasons`` has one entry a check, with its numbers;
    ``unproven`` is a new recipe whose only fault is that it was not shown to be better;
    ``champion`` is the SHA-256 of the champion that it was compared with, empty without one.
    """

    passed: bool
    kind: Kind
    reasons: tuple[str, ...]
    unproven: bool = False
    champion: str = ""

    @property
    def refusals(self) -> list[str]:
        """The reasons of the checks that did not pass."""
        return [text.removeprefix(REFUSED) for text in self.reasons if text.startswith(REFUSED)]


def read_decision(store: Store, run_id: str) -> GateDecision | None:
    """Return what the gate decided on a run (CorruptFile if unreadable); None if not yet."""
    key = f"runs/{run_id}/verdict.json"
    stored = store.objects.get_or_none(key)
    return None if stored is None else GateDecision.from_bytes(stored.data, key)


def newest_refusal(store: Store, symbol: str) -> GateDecision | None:
    """Return the decision on a symbol's run up to the newest session, if the gate refused it."""
    keys = [key for key in store.objects.list("runs/") if key.endswith("/verdict.json")]
    lineages = {run: _lineage(store, run) for run in (key.split("/")[1] for key in keys)}
    own = [run for run, lineage in lineages.items() if lineage.target in ("", symbol)]
    newest = max(own, key=lambda run: (lineages[run].as_of, run), default="")
    decision = read_decision(store, newest) if newest else None
    return None if decision is None or decision.passed else decision


def prune(store: Store, keep: int) -> list[str]:
    """Remove runs under ``runs/``, and return their ids, oldest first.

    A run stays if a version came from it, if it is not whole (it may be under way), or if it is
    among the ``keep`` newest by the session trained up to. Versions have files of their own and
    are not touched. A removed run can be trained again. If a version or a run cannot be read,
    nothing is removed.
    """
    files: dict[str, list[str]] = {}
    for key in store.objects.list("runs/"):
        files.setdefault(key.split("/")[1], []).append(key)
    registered = {version.run_id for version in list_versions(store)}
    whole = [run for run in files if f"runs/{run}/{_COMPLETE}" in files[run]]
    loose = sorted((_lineage(store, run).as_of, run) for run in whole if run not in registered)
    gone = [run for _, run in loose[: max(len(loose) - keep, 0)]]
    for run in gone:
        # First what makes it whole: a kill in between leaves a run that is made again.
        for key in sorted(files[run], key=lambda key: not key.endswith(f"/{_COMPLETE}")):
            store.objects.delete(key)
    return gone


def _lineage(store: Store, run: str) -> Lineage:
    key = f"runs/{run}/lineage.json"
    return Lineage.from_bytes(store.objects.get(key), key)
