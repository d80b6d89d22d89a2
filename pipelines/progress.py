"""What a local run shows: a line a step with its time, and the words of the one that failed."""

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.policies import DISPLAY_NAMES

__all__ = ["Transcript"]

_TAIL = 60
"""Lines of a step kept for the case that it fails without saying how."""


class Transcript(io.TextIOBase):
    """Takes all that kfp and the steps print, and shows the steps' own events alone.

    Parameters
    ----------
    out : text file
        Where to show them. On a terminal a clock runs beside the step at work; elsewhere the
        start of a step is a line too.
    """

    def __init__(self, out: TextIO) -> None:
        self._console = Console(file=out, highlight=False, soft_wrap=True)
        self._clock = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not self._console.is_terminal,
        )
        self._partial = ""
        self._failure: Mapping[str, Any] = {}
        self._tail: list[str] = []
        self._began = 0.0
        self._remarks: set[str] = set()

    @contextmanager
    def begun(self, pipeline: str) -> Iterator[None]:
        """Show the pipeline's name and, on a terminal, the clock while it runs."""
        self._say(f"[bold]{pipeline}[/]")
        self._began = time.monotonic()
        self._clock.start()
        try:
            yield
        finally:
            self._clock.stop()

    def write(self, text: str) -> int:
        """Take what was printed; act on each line that is an event."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._take(line)
        return len(text)

    def explain(self, otherwise: str) -> int:
        """Show why the run failed and return the exit code of the step that did.

        A step that failed without an event is a fault of volcast, or was killed: its traceback,
        or the last it said, or else ``otherwise`` is shown, and the code is 1.
        """
        if self._failure:
            self._say(f"[red]{self._failure['error']}[/] {escape(self._failure['message'])}")
            return int(self._failure["exit_code"])
        traces = [i for i, line in enumerate(self._tail) if line.startswith("Traceback")]
        last = self._tail[traces[-1] :] if traces else self._tail
        self._say(f"[red]failed[/] {escape(otherwise)}")
        self._say(escape("\n".join(last)))
        return 1

    def _take(self, line: str) -> None:
        said = line.strip()
        if said.startswith('{"ts": "') and '"event": "step_' in said:
            event = json.loads(said)
            {
                "step_started": self._started,
                "step_finished": self._finished,
                "step_failed": self._failed,
            }[event["event"]](event)
        elif said and not said.startswith("[KFP Executor"):
            # kfp indents what a step prints by four.
            self._tail = [*self._tail, line.removeprefix("    ")][-_TAIL:]

    def _started(self, event: Mapping[str, Any]) -> None:
        self._tail = []
        name = DISPLAY_NAMES[event["step"]]
        if self._console.is_terminal:
            self._clock.add_task(name)
        else:
            self._say(f"  {name} ...")

    def _finished(self, event: Mapping[str, Any]) -> None:
        found = event["found"]
        words = ", ".join(
            f"{name} {value}" for name, value in found.items() if not isinstance(value, list)
        )
        self._end(event, f"[dim]{escape(words)}[/]")
        remarks = [
            remark for value in found.values() if isinstance(value, list) for remark in value
        ]
        for remark in dict.fromkeys(remarks):
            if remark not in self._remarks:
                self._say(f"      {escape(remark)}")
        # What one pipeline said of the data, the next need not say again.
        self._remarks.update(remarks)
        if found.get("passed") is False:
            self._say("  The gate refused this candidate: nothing was promoted.")

    def _failed(self, event: Mapping[str, Any]) -> None:
        # What fails after it is told in its own line; the run failed by the first.
        self._failure = self._failure or event
        self._end(event, "[red]failed[/]")

    def _end(self, event: Mapping[str, Any], words: str) -> None:
        for task in self._clock.task_ids:
            self._clock.remove_task(task)
        now = time.monotonic()
        name, seconds = DISPLAY_NAMES[event["step"]], now - self._began
        self._say(f"  {name:<24}{seconds:6.1f} s  {words}")
        self._began = now

    def _say(self, markup: str) -> None:
        self._console.print(markup)
