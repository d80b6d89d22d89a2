"""Continue a run in an image that has no command line: ``python -m volcast.steps FOLDER STEP...``.

The folder is that of ``volcast run --folder``, of the same store.
"""

import os
import sys
from pathlib import Path

from volcast.core.errors import VolcastError
from volcast.steps.calls import log
from volcast.steps.runner import Run


def main() -> int:
    """Run the named steps; return the exit code of the error of the first that fails."""
    folder, *steps = sys.argv[1:]
    try:
        Run(os.environ.get("VOLCAST_STORE", "var/store"), Path(folder), log).resume(steps)
    except VolcastError as error:
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
