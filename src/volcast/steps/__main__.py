"""Continue a run in an image that has no command line: ``python -m volcast.steps FOLDER STEP...``.

The folder is that of ``volcast run --folder``, of the same store.
"""

import os
import sys
from pathlib import Path

from volcast.core.errors import VolcastError
from volcast.core.logs import line
from volcast.steps.runner import Run, run_steps


class _Log:
    def started(self, step: str) -> None:
        sys.stdout.write(line("step_started", step=step) + "\n")

    def finished(self, step: str, facts: object) -> None:
        sys.stdout.write(line("step_finished", step=step, facts=facts) + "\n")

    def failed(self, step: str) -> None:
        """Do nothing: the error is printed."""


def main() -> int:
    """Run the named steps; return the exit code of the error of the first that fails."""
    folder, *steps = sys.argv[1:]
    run = Run(os.environ.get("VOLCAST_STORE", "var/store"), Path(folder), _Log())
    try:
        run_steps(run, steps)
    except VolcastError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
