"""What every pipeline step does around its one library call.

It says on standard output, one JSON object a line, when it began, ended or failed, and a failure
that volcast knows leaves by its own exit code. Whoever runs the steps reads those lines. What
failed is also noted in the store, for the step that records how the run ended.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from volcast.core.errors import VolcastError
from volcast.core.logs import Level, line, run_id

if TYPE_CHECKING:
    from types import ModuleType

    from volcast.store import Store

__all__ = ["FAILED", "FINISHED", "STARTED", "step"]

STARTED, FINISHED, FAILED = "step_started", "step_finished", "step_failed"


@contextmanager
def step(name: str, store: str) -> Iterator[dict[str, object]]:
    """Run the body as the pipeline step ``name``.

    Parameters
    ----------
    name : str
    store : str
        Its address, for the note of a failure.

    Yields
    ------
    dict
        For what the step found: JSON values by name, said when it ends.

    Raises
    ------
    SystemExit
        With the exit code of a `VolcastError`; any other error passes through.
    """
    found: dict[str, object] = {}
    began = time.monotonic()
    done = False
    _say(STARTED, step=name)
    try:
        yield found
        done = True
    except VolcastError as error:
        _say(
            FAILED,
            "error",
            step=name,
            error=type(error).__name__,
            exit_code=error.exit_code,
            retryable=error.retryable,
            message=str(error),
        )
        _note(store, name, error.exit_code, f"{type(error).__name__}: {error}")
        done = True
        raise SystemExit(error.exit_code) from error
    finally:
        if not done:
            # What nobody foresaw may say anything; its words stay in the step's own log.
            kind = sys.exc_info()[0]
            _note(store, name, 1, f"unforeseen {kind.__name__ if kind else 'end'} in {name}")
    _forget(store, name)
    _say(FINISHED, step=name, duration_ms=round(1000 * (time.monotonic() - began)), found=found)


def _note(store: str, name: str, exit_code: int, detail: str) -> None:
    _tell(store, lambda jobs, held: jobs.note_failure(held, run_id(), name, exit_code, detail))


def _forget(store: str, name: str) -> None:
    _tell(store, lambda jobs, held: jobs.forget_failure(held, run_id(), name))


def _tell(store: str, do: "Callable[[ModuleType, Store], None]") -> None:
    """Do something to the notes of the run, if there is one."""
    if not run_id():
        return
    from volcast.monitoring import jobs
    from volcast.store import Store

    # A store that cannot be written is often what failed; the runner's own message is left then.
    with suppress(VolcastError):
        do(jobs, Store.open(store))


def _say(event: str, level: Level = "info", **facts: object) -> None:
    # A line begun by someone else must not swallow the event.
    sys.stdout.write("\n" + line(event, level, **facts) + "\n")
    sys.stdout.flush()
