"""Call a step's function, and report how it went: in a log, and in the notes of the run."""

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volcast.core.errors import VolcastError
from volcast.core.logs import Level, line, run_id
from volcast.steps.table import STEPS

if TYPE_CHECKING:
    from types import ModuleType

    from volcast.store import Store

__all__ = ["Result", "call", "noted", "run_step", "step"]


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
    """

    facts: Mapping[str, object]
    values: tuple[Any, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


def call(name: str, store: str, **texts: object) -> Result:
    """Call the function of a step with its inputs and files as a pipeline passes them.

    Parameters
    ----------
    name : str
        Of `volcast.steps.STEPS`.
    store : str
        Its address.
    **texts
        ``as_of`` as an ISO date, ``universe`` as JSON, files as paths, the rest as is.

    Raises
    ------
    VolcastError
        Whatever the step fails by.
    """
    from volcast.store import Store

    described = STEPS[name]
    module, _, function = described.function.partition(":")
    arguments: dict[str, object] = dict(texts)
    for file in described.files:
        arguments[file] = Path(str(texts[file]))
    if "as_of" in described.inputs and name != "ingest":  # which reads settings
        arguments["as_of"] = date.fromisoformat(str(texts["as_of"]))
        arguments |= _universe(described.image, str(arguments.pop("universe")))
    run = getattr(importlib.import_module(f"volcast.steps.{module}"), function)
    result: Result = run(Store.open(store), **arguments)
    return result


def _universe(image: str, text: str) -> dict[str, object]:
    if image == "drift":
        # Settings need pydantic 2, which this image lacks.
        return {"target": json.loads(text)["target"]}
    from volcast.core.settings import Universe

    return {"universe": Universe.model_validate_json(text)}


def run_step(name: str, store: str, **texts: object) -> Result:
    """Run a step as a pod does: events on standard output, failures as exit codes.

    Parameters
    ----------
    name, store, **texts
        As for `call`.

    Raises
    ------
    SystemExit
        With the exit code of a `VolcastError`; any other error passes through.
    """
    with step(name, store) as facts:
        result = call(name, store, **texts)
        facts.update(result.facts)
    return result


@contextmanager
def step(name: str, store: str) -> Iterator[dict[str, object]]:
    """Log on standard output, one JSON object a line, how the step in the body went.

    Yields
    ------
    dict
        For the facts of the step, which are logged when it ends.

    Raises
    ------
    SystemExit
        With the exit code of a `VolcastError`; any other error passes through.
    """
    facts: dict[str, object] = {}
    began = time.monotonic()
    _log("step_started", step=name)
    try:
        with noted(name, store):
            yield facts
    except VolcastError as error:
        _log(
            "step_failed",
            "error",
            step=name,
            error=type(error).__name__,
            exit_code=error.exit_code,
            retryable=error.retryable,
            message=str(error),
        )
        raise SystemExit(error.exit_code) from error
    duration = round(1000 * (time.monotonic() - began))
    _log("step_finished", step=name, duration_ms=duration, facts=facts)


@contextmanager
def noted(name: str, store: str) -> Iterator[None]:
    """Note in the store what the step in the body fails by, for the record of the run."""
    done = False
    try:
        yield
        done = True
    except VolcastError as error:
        _note(store, name, error.exit_code, f"{type(error).__name__}: {error}")
        done = True
        raise
    finally:
        if not done:
            # An unforeseen error may hold a secret; its message stays in the step's own log.
            kind = sys.exc_info()[0]
            _note(store, name, 1, f"unforeseen {kind.__name__ if kind else 'end'} in {name}")
    _in_notes(store, lambda jobs, opened: jobs.forget_failure(opened, run_id(), name))


def _note(store: str, name: str, exit_code: int, detail: str) -> None:
    _in_notes(
        store, lambda jobs, opened: jobs.note_failure(opened, run_id(), name, exit_code, detail)
    )


def _in_notes(store: str, change: "Callable[[ModuleType, Store], None]") -> None:
    """Change the notes of the run, if there is one."""
    if not run_id():
        return
    from volcast.monitoring import jobs
    from volcast.store import Store

    # A store that cannot be written is often what failed; the runner's own message remains.
    with suppress(VolcastError):
        change(jobs, Store.open(store))


def _log(event: str, level: Level = "info", **facts: object) -> None:
    # An unfinished line of a library must not swallow the event.
    sys.stdout.write("\n" + line(event, level, **facts) + "\n")
    sys.stdout.flush()
