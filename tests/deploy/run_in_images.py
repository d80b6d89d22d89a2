"""``python -m pipelines.local``, but each step runs in its image, without rights or network.

Called as ``python -m tests.deploy.run_in_images FOLDER TAG both --store FOLDER/... ...``; the
folder is the one thing that containers share with this machine.
"""

import os
import sys

from kfp.local import status
from kfp.local.subprocess_task_handler import SubprocessTaskHandler, run_local_subprocess

from pipelines.local import main
from tests.deploy.engine import WITHOUT_RIGHTS


def _in_image(folder: str, tag: str):
    def run(handler: SubprocessTaskHandler) -> status.Status:
        image = handler.image.rpartition(":")[0]
        settings = {name: os.environ[name] for name in ("VOLCAST_RUN_ID",)} | handler.env_vars
        variables = [part for pair in settings.items() for part in ("--env", "=".join(pair))]
        command = [
            "docker", "run", "--rm", *WITHOUT_RIGHTS, "--volume", f"{folder}:{folder}", *variables,
            f"{image}:{tag}", *handler.full_command,
        ]  # fmt: skip
        ended = run_local_subprocess(command)
        return status.Status.FAILURE if ended else status.Status.SUCCESS

    return run


if __name__ == "__main__":
    os.umask(0)  # what kfp makes here, the images' user writes into
    SubprocessTaskHandler.run = _in_image(*sys.argv[1:3])
    sys.exit(main(sys.argv[3:]))
