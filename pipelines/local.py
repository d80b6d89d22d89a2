"""Run the Kubeflow pipelines on this machine, each step in a process of its own.

``volcast run`` runs the same steps in one process; this checks the pipelines' own wiring.
"""

import argparse
import io
import json
import os
import shutil
import sys
import uuid
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from kfp import dsl, local
from rich.console import Console
from rich.markup import escape

from volcast.steps.calls import INTERRUPTED, STOPPED
from volcast.steps.progress import StepProgress

__all__ = ["Transcript", "main", "run"]

_PIPELINES = {
    "train": ["train_pipeline"],
    "daily": ["daily_pipeline"],
    "both": ["train_pipeline", "daily_pipeline"],
    "evaluate": ["evaluate_pipeline"],
}
_ARTIFACT_RUNS = 30
"""Runs of a pipeline whose artifacts stay; what they produced is in the store."""

_TAIL = 60
"""Lines of a step that are shown if it fails without an event."""


class Transcript(io.TextIOBase):
    """Takes all that kfp and the steps print, and shows the steps' own events only."""

    def __init__(self, out: TextIO) -> None:
        console = Console(file=out, highlight=False, soft_wrap=True)
        self.progress = StepProgress(console, verbose=True)
        self._partial = ""
        self._failure: dict[str, Any] = {}
        self._tail: list[str] = []

    def write(self, text: str) -> int:
        """Take what was printed; act on each line that is an event."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._take(line)
        return len(text)

    def explain(self, otherwise: str) -> int:
        """Show why the run failed and return the exit code of the step that did.

        A step that failed without an event has a bug, or was killed: its traceback, or its last
        lines, or else ``otherwise`` is shown, and the code is 1.
        """
        if self._failure:
            message = escape(self._failure["message"])
            self.progress.show(f"[red]{self._failure['error']}[/] {message}")
            return int(self._failure["exit_code"])
        traces = [i for i, line in enumerate(self._tail) if line.startswith("Traceback")]
        self.progress.show(f"[red]failed[/] {escape(otherwise)}")
        self.progress.show(escape("\n".join(self._tail[traces[-1] if traces else 0 :])))
        return 1

    def _take(self, line: str) -> None:
        text = line.strip()
        if text.startswith('{"ts": "') and '"event": "step_' in text:
            event = json.loads(text)
            if event["event"] == "step_started":
                self._tail = []
            elif event["event"] == "step_failed":
                # Later failures follow from the first.
                self._failure = self._failure or event
            self.progress.event(**event)
        elif text and not text.startswith("[KFP Executor"):
            # kfp indents what a step prints by four.
            self._tail = [*self._tail, line.removeprefix("    ")][-_TAIL:]


def run(
    pipeline: dsl.base_component.BaseComponent,
    arguments: dict[str, object],
    root: Path,
    transcript: Transcript,
) -> int:
    """Run one pipeline; return 0, or the exit code of the step that failed.

    kfp leaves the steps' artifacts under ``root``; ``transcript`` takes what is printed.
    """
    # No workspace is named: kfp deletes the one it is given.
    os.environ["VOLCAST_RUN_ID"] = uuid.uuid4().hex
    # kfp names a run's folder by the pipeline and the time, so that their order is that of time.
    folders = sorted(path for path in root.glob(f"{pipeline.name}-20[0-9][0-9]-*") if path.is_dir())
    for folder in folders[: -_ARTIFACT_RUNS + 1]:
        shutil.rmtree(folder)
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root))
    shown = transcript.progress.pipeline(pipeline.name)
    with shown, redirect_stdout(transcript):
        try:
            with warnings.catch_warnings():
                # kfp warns that display names and images mean nothing here.
                warnings.simplefilter("ignore")
                pipeline(**arguments)
        except RuntimeError as error:
            return transcript.explain(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.local", description=__doc__)
    parser.add_argument("pipeline", choices=sorted(_PIPELINES))
    parser.add_argument("--store", default=os.environ.get("VOLCAST_STORE", "var/store"))
    parser.add_argument("--source", default=os.environ.get("VOLCAST_SOURCE", "sample"))
    parser.add_argument("--source-path", default=os.environ.get("VOLCAST_SOURCE_PATH", ""))
    parser.add_argument("--as-of", default="", help="ISO date; empty: the last closed session")
    parser.add_argument("--universe", default="", help="JSON; empty: the source's own")
    parser.add_argument("--symbols", default="", help="to evaluate, separated by commas")
    parser.add_argument("--ablation", action="store_true", help="evaluate groups of features too")
    parser.add_argument("--pipeline-root", type=Path, default=Path("var/pipelines"))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named pipelines; the exit code is that of the first step that failed."""
    arguments = vars(_parser().parse_args(argv))
    # kfp makes the pipelines when they are imported, in 1 s, and in 13 s next to many modules.
    from pipelines import definitions

    name, root = arguments.pop("pipeline"), arguments.pop("pipeline_root")
    symbols = [symbol for symbol in arguments.pop("symbols").split(",") if symbol]
    ablation = arguments.pop("ablation")
    if name == "evaluate":
        arguments |= {"ablation": ablation, "symbols": symbols or definitions.SYMBOLS}
    transcript = Transcript(sys.stdout)
    with TemporaryDirectory(prefix="volcast-") as scratch:
        # kfp makes a folder a step in it, and would leave it there.
        os.environ["TMPDIR"] = scratch
        try:
            for pipeline in _PIPELINES[name]:
                code = run(getattr(definitions, pipeline), arguments, root, transcript)
                if code:
                    return code
        except KeyboardInterrupt:
            print(STOPPED, file=sys.stderr)
            return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
