"""Call a step's function, and report how it went: by events, and in the notes of the run."""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volcast.core.errors import VolcastError
from volcast.core.imports import trim_imports
from volcast.core.logs import Level, line, run_id
from volcast.steps.table import STEPS, TASKS

if TYPE_CHECKING:
    from volcast.evaluation.walkforward import Progress
    from volcast.store import WriteReport

__all__ = [
    "INTERRUPTED", "STOPPED", "Result", "Show", "call", "counts", "log", "run_step", "run_task",
    "step",
]  # fmt: skip

Show = Callable[..., None]
"""Takes an event of a step and its fields, as `log` does."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

STOPPED = "stopped; run again to continue"


@dataclass(frozen=True)
class Result:
    """What a step returns.

    Parameters
    ----------
    facts : dict
        JSON values for the log and for a person; a list is remarks, one a line.
    values : tuple
        One for each of the step's outputs.
    metrics : dict of float
        What Kubeflow shows next to the step.
    events : dict of dict
        Fields of warnings to log, by event.
    """

    facts: Mapping[str, object]
    values: tuple[Any, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    events: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def counts(report: "WriteReport") -> Result:
    """Return the result of a step that wrote rows of a table."""
    return Result({name: getattr(report, name) for name in ("added", "replaced", "unchanged")})


def call(name: str, store: str, progress: "Progress | None" = None, /, **texts: object) -> Result:
    """Call the function of a step with its inputs and files as a pipeline passes them.

    Parameters
    ----------
    name : str
        Of `volcast.steps.STEPS`.
    store : str
        Its address.
    progress : Progress or None
        Takes how far the step is, if it counts.
    **texts
        ``as_of`` as an ISO date, ``universe`` as JSON, files as paths, the rest as is.

    Raises
    ------
    VolcastError
        Whatever the step fails by.
    """
    from volcast.store import Store

    trim_imports()
    described = STEPS[name]
    arguments = texts | {file: Path(str(texts[file])) for file in described.files}
    if described.counts:
        arguments["progress"] = progress
    if "as_of" in described.inputs and name != "ingest":  # which reads settings
        arguments["as_of"] = date.fromisoformat(str(texts["as_of"]))
        universe = str(arguments.pop("universe"))
        if described.image == "drift":
            # Settings need pydantic 2, which this image lacks.
            arguments["target"] = json.loads(universe)["target"]
        else:
            from volcast.core.settings import Universe

            arguments["universe"] = Universe.model_validate_json(universe)
    module, _, function = described.function.partition(":")
    run = getattr(importlib.import_module(f"volcast.steps.{module}"), function)
    result: Result = run(Store.open(store), **arguments)
    return result


def run_step(name: str, store: str, **texts: object) -> Result:
    """`call` a step as a pod does: events on standard output, failures as exit codes.

    In a pod, a step that fails by what may pass is run again: Kubeflow cannot tell one failure from
    another, and version 2.17 retries none that has an exit code.

    Raises
    ------
    SystemExit
        With the exit code of a `VolcastError`; any other error passes through.
    """
    described = STEPS[name]
    tries_left = described.retries if "KUBERNETES_SERVICE_HOST" in os.environ else 0
    wait = described.wait_seconds
    while True:
        try:
            with step(name, store, target=texts.get("target")) as results:
                results.append(call(name, store, **texts))
        except VolcastError as error:
            if not (error.retryable and tries_left):
                raise SystemExit(error.exit_code) from error
        else:
            return results[0]
        log("step_retried", "warning", step=name, wait_seconds=wait, tries_left=tries_left)
        time.sleep(wait)
        tries_left, wait = tries_left - 1, 2 * wait


def run_task(name: str, store: str, **values: object) -> Result:
    """`run_step` for each step of a task, with the outputs of those before it.

    Parameters
    ----------
    name : str
        Of `volcast.steps.TASKS`.
    **values
        Inputs and files of its steps; those whose conditions they do not meet are skipped.

    Returns
    -------
    Result
        Facts, outputs and metrics of the steps that ran, in order.

    Raises
    ------
    SystemExit
        As the first step that fails; those after it do not begin.
    """
    results: list[Result] = []
    run: dict[str, Any] = {"training": True} | values
    for step_name in TASKS[name]:
        described = STEPS[step_name]
        if described.applies(run):
            texts = {text: run[text] for text in (*described.inputs, *described.files)}
            results.append(run_step(step_name, store, **texts))
            run |= dict(zip(described.outputs, results[-1].values, strict=True))
    return Result(
        {fact: value for result in results for fact, value in result.facts.items()},
        tuple(value for result in results for value in result.values),
        {metric: value for result in results for metric, value in result.metrics.items()},
    )


def log(event: str, level: Level = "info", **fields: object) -> None:
    """Print an event on standard output, one JSON object a line."""
    # An unfinished line of a library must not swallow the event.
    sys.stdout.write("\n" + line(event, level, **fields) + "\n")
    sys.stdout.flush()


@contextmanager
def step(
    name: str, store: str, show: Show = log, *, target: object = None
) -> Iterator[list[Result]]:
    """Show how the step in the body goes, and note it in the store for the record of the run.

    Parameters
    ----------
    target : str or None
        The symbol of a step that a run has once for each.

    Yields
    ------
    list
        For the result, whose facts are shown when the step ends.
    """
    results: list[Result] = []
    noted = name if target is None else f"{name} {target}"
    began = time.monotonic()
    show("step_started", step=name)
    _note(store, noted, {"state": "begun"})
    done = False
    try:
        yield results
        done = True
    except VolcastError as error:
        kind = type(error).__name__
        _note(store, noted, _failure(error.exit_code, f"{kind}: {error}"))
        done = True
        fields = {"error": kind, "exit_code": error.exit_code, "retryable": error.retryable}
        show("step_failed", "error", step=name, **fields, message=str(error))
        raise
    except KeyboardInterrupt:
        _note(store, noted, _failure(INTERRUPTED, f"interrupted in {name}"))
        done = True
        raise
    finally:
        if not done:
            # An unforeseen error may hold a secret; its message stays in the step's own log.
            unforeseen = sys.exc_info()[0]
            kind = getattr(unforeseen, "__name__", "end")
            _note(store, noted, _failure(1, f"unforeseen {kind} in {name}"))
    values = zip(STEPS[name].outputs, results[0].values if results else (), strict=False)
    conditions = {output: value for output, value in values if isinstance(value, bool)}
    _note(store, noted, {"state": "done", "values": conditions})
    facts = results[0].facts if results else {}
    for event, about in (results[0].events if results else {}).items():
        show(event, "warning", step=name, **about)
    duration = round(1000 * (time.monotonic() - began))
    show("step_finished", step=name, duration_ms=duration, facts=facts)


def _failure(exit_code: int, detail: str) -> dict[str, object]:
    return {"state": "failed", "exit_code": exit_code, "detail": detail}


def _note(store: str, name: str, fields: Mapping[str, object]) -> None:
    """Note how far a step is for the record of the run, if there is one; not the record itself."""
    if not run_id() or name == "record":
        return
    from volcast.monitoring import jobs
    from volcast.store import Store

    # A store that cannot be written is often what failed; the runner's own message remains.
    with suppress(VolcastError):
        jobs.note(Store.open(store), run_id(), name, fields)
