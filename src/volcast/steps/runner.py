"""Run steps of the table one after the other in this process, with no cluster."""

import json
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volcast.core.errors import VolcastError
from volcast.core.hashing import as_json
from volcast.core.logs import RUN_ID
from volcast.steps.calls import Show, call, step
from volcast.steps.table import STEPS

__all__ = ["JOBS", "Run"]

JOBS = {
    "train": "volcast-train",
    "daily": "volcast-daily-inference",
    "day": "volcast-daily-inference",
    "evaluate": "volcast-evaluate",
}
"""Name in monitoring.jobs by pipeline."""

_VALUES = "values.json"


@dataclass
class Run:
    """Values of a run, and the folder for its files; each method raises what a step fails by.

    Parameters
    ----------
    store : str
        Address.
    folder : Path
        For staged rows and pages; with ``values.json``, another process can continue the run.
    show : Show
        Takes the events of the steps.
    values : dict
        Inputs and outputs of steps by name, as a pipeline passes them.
    """

    store: str
    folder: Path
    show: Show
    values: dict[str, Any] = field(default_factory=dict)

    def begin(self, pipeline: str, steps: Sequence[str]) -> None:
        """Run the steps of a pipeline from its beginning, with the inputs of ``ingest`` as values.

        How it ended is recorded: a failure always, success where ``record`` is among the steps;
        without it another process continues the run.
        """
        self.values = {"id": uuid.uuid4().hex, "job": JOBS[pipeline], "message": "",
                       "training": True, **self.values}  # fmt: skip
        self._recorded(steps)

    def resume(self, steps: Sequence[str]) -> None:
        """Continue a run that another process began, by the values in its folder."""
        self.values = json.loads((self.folder / _VALUES).read_text(encoding="utf-8"))
        self._recorded(steps)

    def steps(self, names: Sequence[str]) -> None:
        """Run the steps in order, except those whose conditions do not hold."""
        for name in names:
            described = STEPS[name]
            if all(self.values.get(value) is state for value, state in described.when.items()):
                for symbol in self.values["symbols"] if "target" in described.inputs else [None]:
                    self._step(name, self.values | {"target": symbol})
            (self.folder / _VALUES).write_bytes(as_json(self.values))

    def _step(self, name: str, values: dict[str, Any]) -> None:
        described = STEPS[name]
        names = {file: f"{name}-{file}.html" for file in described.files}
        if "staged" in names:
            names["staged"] = "staged.parquet"
        files = {file: str(self.folder / path) for file, path in names.items()}
        inputs = {value: values[value] for value in described.inputs}
        with step(name, self.store, self.show) as facts:
            result = call(name, self.store, **inputs, **files)
            facts.update(result.facts)
        self.values |= dict(zip(described.outputs, result.values, strict=True))

    def _recorded(self, steps: Sequence[str]) -> None:
        os.environ[RUN_ID] = self.values["id"]
        done = False
        try:
            self.steps([name for name in steps if name != "record"])
            done = True
        finally:
            self.values["state"] = "SUCCEEDED" if done else "FAILED"
            if not done:
                # A store that cannot be written is often what failed; that error is raised.
                with suppress(VolcastError):
                    self.steps(["record"])
            elif "record" in steps:
                self.steps(["record"])
            del os.environ[RUN_ID]
