"""What every pipeline step does around its one library call.

It says on standard output, one JSON object a line, when it began, ended or failed, and a failure
that volcast knows leaves by its own exit code. Whoever runs the steps reads those lines.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from volcast.errors import VolcastError

__all__ = ["FAILED", "FINISHED", "STARTED", "step"]

STARTED, FINISHED, FAILED = "step_started", "step_finished", "step_failed"


@contextmanager
def step(name: str) -> Iterator[dict[str, object]]:
    """Run the body as the pipeline step ``name``.

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
    _say(STARTED, step=name)
    try:
        yield found
    except VolcastError as error:
        _say(
            FAILED,
            step=name,
            error=type(error).__name__,
            exit_code=error.exit_code,
            retryable=error.retryable,
            message=str(error),
        )
        raise SystemExit(error.exit_code) from error
    _say(FINISHED, step=name, duration_ms=round(1000 * (time.monotonic() - began)), found=found)


def _say(event: str, **facts: object) -> None:
    # A line begun by someone else must not swallow the event.
    sys.stdout.write("\n" + json.dumps({"event": event, **facts}, default=str) + "\n")
    sys.stdout.flush()
