"""Run steps of the table one after the other in this process, with no cluster."""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from volcast.core.errors import VolcastError
from volcast.core.hashing import as_json
from volcast.core.logs import RUN_ID
from volcast.steps.calls import Result, call, noted
from volcast.steps.table import STEPS, Step

__all__ = ["JOBS", "Observer", "Run", "run_pipeline", "run_steps"]

JOBS = {
    "train": "volcast-train",
    "daily": "volcast-daily-inference",
    "day": "volcast-daily-inference",
    "evaluate": "volcast-evaluate",
}
"""Name in monitoring.jobs by pipeline."""

_VALUES = "values.json"


class Observer(Protocol):
    """Shows a run while it goes on."""

    def started(self, step: str) -> None:
        """Show that a step begins."""

    def finished(self, step: str, facts: Any) -> None:
        """Show how a step ended, by the facts of its `Result`."""

    def failed(self, step: str) -> None:
        """Show that a step failed; its error is raised."""


@dataclass
class Run:
    """Values of a run, and the folder for its files.

    Parameters
    ----------
    store : str
        Address.
    folder : Path
        For staged rows and pages; with ``values.json``, another process can continue the run.
    observer : Observer
    values : dict
        Inputs and outputs of steps by name, as a pipeline passes them.
    """

    store: str
    folder: Path
    observer: Observer
    values: dict[str, Any] = field(default_factory=dict)

    def steps(self, names: Sequence[str]) -> None:
        """Run the steps in order, except those whose conditions do not hold.

        Raises
        ------
        VolcastError
            That of the first step that fails.
        """
        for name in names:
            step = STEPS[name]
            if all(self.values.get(value) is state for value, state in step.when.items()):
                self._each(name, step)
            self._keep()

    def _each(self, name: str, step: Step) -> None:
        symbols = self.values["symbols"] if "target" in step.inputs else [None]
        for symbol in symbols:
            result = self._one(name, step, self.values | {"target": symbol})
            self.values |= dict(zip(step.outputs, result.values, strict=True))

    def _one(self, name: str, step: Step, values: dict[str, Any]) -> Result:
        files = {file: str(self.folder / _file_name(name, file)) for file in step.files}
        self.observer.started(name)
        inputs = {value: values[value] for value in step.inputs}
        try:
            with noted(name, self.store):
                result = call(name, self.store, **inputs, **files)
        except VolcastError:
            self.observer.failed(name)
            raise
        self.observer.finished(name, result.facts)
        return result

    def _keep(self) -> None:
        (self.folder / _VALUES).write_bytes(as_json(self.values))

    @contextmanager
    def recorded(self, *, last: bool = True) -> Iterator[None]:
        """Record how the body ended: a failure always, success only if it is the last part."""
        os.environ[RUN_ID] = self.values["id"]
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                # A store that cannot be written is often what failed; that error is raised.
                with suppress(VolcastError):
                    self._record("FAILED")
            elif last:
                self._record("SUCCEEDED")
            del os.environ[RUN_ID]

    def _record(self, state: str) -> None:
        self.values["state"] = state
        self.steps(["record"])


def _file_name(step: str, file: str) -> str:
    if file == "staged":
        return "staged.parquet"
    return f"{step}-{file}.html"


def run_pipeline(run: Run, pipeline: str, steps: Sequence[str], *, last: bool = True) -> None:
    """Run the steps of a pipeline from its beginning, and record how it ended.

    Parameters
    ----------
    run : Run
        With the inputs of ``ingest`` among its values.
    pipeline : str
        Key of `JOBS`.
    steps : sequence of str
        In order.
    last : bool
        False where another process continues the run.

    Raises
    ------
    VolcastError
        That of the first step that fails.
    """
    run.values = {"id": uuid.uuid4().hex, "job": JOBS[pipeline], "message": "",
                  "training": True, **run.values}  # fmt: skip
    with run.recorded(last=last):
        run.steps(steps)


def run_steps(run: Run, steps: Sequence[str]) -> None:
    """Continue a run that another process began, by the values in its folder.

    ``record`` among the steps ends it.

    Raises
    ------
    VolcastError
        That of the first step that fails.
    """
    run.values = json.loads((run.folder / _VALUES).read_text(encoding="utf-8"))
    with run.recorded(last="record" in steps):
        run.steps([name for name in steps if name != "record"])
