"""Run steps of the table one after the other in this process, with no cluster."""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volcast.core.errors import VolcastError
from volcast.core.hashing import as_json, code_version, digest, table_digest
from volcast.core.logs import RUN_ID
from volcast.steps.calls import Show, call, step
from volcast.steps.table import JOBS, STEPS

if TYPE_CHECKING:
    from volcast.evaluation.walkforward import Progress

__all__ = ["Run"]

_VALUES = "values.json"
_LAST_DAY = "monitoring/last_day.json"


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
    progress : Progress or None
        Takes how far a long step is.
    values : dict
        Inputs and outputs of steps by name, as a pipeline passes them.
    """

    store: str
    folder: Path
    show: Show
    progress: "Progress | None" = None
    values: dict[str, Any] = field(default_factory=dict)

    def begin(self, pipeline: str, steps: Sequence[str], *, skip: bool = False) -> bool:
        """Run the steps of a pipeline from its beginning, with the inputs of ``ingest`` as values.

        How it ended is recorded: a failure always, success where ``record`` is among the steps;
        without it another process continues the run.

        Parameters
        ----------
        skip : bool
            Whether to end after ``ingest`` if a whole day with the same inputs was run before.

        Returns
        -------
        bool
            Whether the steps after ``ingest`` were run.
        """
        self.values = {"id": uuid.uuid4().hex, "job": JOBS[pipeline], "message": "",
                       "training": True, **self.values}  # fmt: skip
        todo = [name for name in steps if name != "record"]
        with self._recorded(steps):
            self.steps(todo[:1])
            if skip and self._was_run():
                return False
            self.steps(todo[1:])
            if pipeline == "day" and not self.values["training"]:
                self._remember_day()
        return True

    def resume(self, steps: Sequence[str]) -> None:
        """Continue a run that another process began, by the values in its folder."""
        self.values = json.loads((self.folder / _VALUES).read_text(encoding="utf-8"))
        with self._recorded(steps):
            self.steps([name for name in steps if name != "record"])

    def steps(self, names: Sequence[str]) -> None:
        """Run the steps in order, except those whose conditions do not hold."""
        for name in names:
            described = STEPS[name]
            if described.applies(self.values):
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
        with step(name, self.store, self.show, target=inputs.get("target")) as results:
            if name == "infer" and self.values.get("passed") is False:
                self._require_champion()
            results.append(call(name, self.store, self.progress, **inputs, **files))
        self.values |= dict(zip(described.outputs, results[0].values, strict=True))

    def _require_champion(self) -> None:
        """Raise the gate's refusal where it leaves the target without a model."""
        from volcast.registry import champion_pointer
        from volcast.store import Store
        from volcast.training.gate import refusal

        store, target = Store.open(self.store), json.loads(self.values["universe"])["target"]
        if champion_pointer(store, target) is None:
            raise refusal(store, self.values["run_id"])

    @contextmanager
    def _recorded(self, steps: Sequence[str]) -> Iterator[None]:
        os.environ[RUN_ID] = self.values["id"]
        self.values["state"] = "FAILED"
        try:
            yield
            self.values["state"] = "SUCCEEDED"
        except KeyboardInterrupt:
            self.show = lambda *_, **__: None  # after Ctrl-C no further step is shown
            raise
        finally:
            if self.values["state"] == "FAILED":
                # A store that cannot be written is often what failed; that error is raised.
                with suppress(VolcastError):
                    self.steps(["record"])
            elif "record" in steps:
                self.steps(["record"])
            del os.environ[RUN_ID]

    def _was_run(self) -> bool:
        """Whether a day with the same inputs ended well, and its forecast and check are there."""
        from volcast.store import Store
        from volcast.store.tables import MONITORING_DRIFT_DAILY, PREDICTIONS_DAILY

        store = Store.open(self.store)
        stored = store.objects.get_or_none(_LAST_DAY)
        if stored is None or stored.data != as_json({"inputs": self._inputs_digest()}):
            return False
        target = json.loads(self.values["universe"])["target"]
        session = date.fromisoformat(self.values["as_of"])
        return all(
            len(store.read(table, symbols=[target], first=session, last=session))
            for table in (PREDICTIONS_DAILY, MONITORING_DRIFT_DAILY)
        )

    def _remember_day(self) -> None:
        from volcast.store import Store

        Store.open(self.store).objects.put(_LAST_DAY, as_json({"inputs": self._inputs_digest()}))

    def _inputs_digest(self) -> str:
        """Return a hash of all that the steps after ``ingest`` depend on."""
        from volcast.core.settings import read_settings
        from volcast.monitoring.drift import drift_python
        from volcast.registry.pointer import challenger_pointer, champion_pointer
        from volcast.store import Store
        from volcast.store.tables import RAW_MACRO, RAW_MARKET

        store = Store.open(self.store)
        rows = [table_digest(store.read(table)) for table in (RAW_MARKET, RAW_MACRO)]
        target = json.loads(self.values["universe"])["target"]
        versions = champion_pointer(store, target), challenger_pointer(store, target)
        chosen = self.values["as_of"], self.values["universe"], read_settings().seed
        return digest(code_version(("**/*.py", "**/*.csv")), rows, versions, chosen, drift_python())
