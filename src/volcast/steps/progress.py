"""Show a run on a terminal or in a file: a line a step, with its time and its warnings."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from volcast.steps.table import STEPS

__all__ = ["REPORT_SECONDS", "StepProgress"]

REPORT_SECONDS = 10.0
"""Between two lines on a step under way, off a terminal."""


class StepProgress:
    """Shows each step when it ends; while it runs, on a terminal a clock, else a line now and then.

    With ``verbose`` also the facts of each step and its notes, as the log of a pipeline has them.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._verbose = verbose
        utf8 = console.encoding.lower().startswith("utf")
        self._done, self._failed = ("\N{CHECK MARK}", "\N{BALLOT X}") if utf8 else ("ok", "FAILED")
        self._console = console
        self._clock = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            _Counts(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            speed_estimate_period=20 * REPORT_SECONDS,
            disable=not console.is_terminal,
        )
        self._began = 0.0
        self._printed: set[str] = set()

    @contextmanager
    def pipeline(self, name: str) -> Iterator[None]:
        """Show the pipeline's name, and how far its steps are while it runs."""
        self.show(f"[bold]{name}[/]")
        self._began, ended = time.monotonic(), threading.Event()
        if not self._console.is_terminal:
            threading.Thread(target=self._report, args=(ended,), daemon=True).start()
        try:
            with self._clock:
                yield
        finally:
            ended.set()

    def _report(self, ended: threading.Event) -> None:
        """Print a line on the step under way now and then, until the pipeline has ended."""
        while not ended.wait(REPORT_SECONDS):
            # Of the step: a task's own clock starts again with each thing that it counts.
            elapsed = time.monotonic() - self._began
            for task in self._clock.tasks:
                if elapsed >= REPORT_SECONDS / 2:
                    so_far = f"{_duration(elapsed)} so far"
                    self.show(f"      {task.description}: {_count(task) or so_far}")

    def event(
        self,
        event: str,
        _level: str = "info",
        *,
        step: str,
        facts: Mapping[str, Any] = MappingProxyType({}),
        **_: object,
    ) -> None:
        """Show an event of a step, as `volcast.steps.calls` reports it."""
        title = STEPS[step].title
        if event == "step_started":
            self._clock.add_task(title, total=None)
        if event not in {"step_finished", "step_failed"}:
            return
        for task in self._clock.task_ids:
            self._clock.remove_task(task)
        now = time.monotonic()
        failed = event == "step_failed"
        mark = f"[red]{self._failed}[/]" if failed else f"[green]{self._done}[/]"
        self.show(f"  {mark} {title:<24}{now - self._began:6.1f} s")
        self._began = now
        refused = facts.get("passed") is False
        if self._verbose:
            texts = (f"{k} {v}" for k, v in facts.items() if not isinstance(v, list))
            self._remark(", ".join(texts), "dim")
        for name, lines in facts.items():
            if name == "warnings" or (name == "reasons" and refused):
                self._remarks(lines, "yellow", "warning: ")
            elif self._verbose and isinstance(lines, list):
                self._remarks(lines, "dim")
        if refused:
            self._remark("warning: the gate refused this candidate; nothing was promoted", "yellow")

    def _remarks(self, lines: Iterable[object], style: str, head: str = "") -> None:
        """Print lines, each once a run."""
        for line in map(str, lines):
            if line not in self._printed:
                self._remark(head + line, style)
            self._printed.add(line)

    def _remark(self, text: str, style: str) -> None:
        self.show(f"      [{style}]{escape(text)}[/]")

    def progress(self, what: str, done: int, total: int) -> None:
        """Take how far the step under way is."""
        for task in self._clock.tasks:
            if task.fields.get("what") != what:
                self._clock.reset(task.id, total=total, what=what)
            self._clock.update(task.id, total=total, completed=done, what=what)

    def show(self, markup: str) -> None:
        """Print a line of rich markup."""
        self._console.print(markup, highlight=False, soft_wrap=True)


class _Counts(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_count(task), style="dim")


def _count(task: Task) -> str:
    """Return how much of what is done, and the time left; empty where nothing counts.

    A single thing, such as a file being written, is named without a count.
    """
    if not task.total or task.finished:
        return ""
    if task.total == 1:
        return str(task.fields["what"])
    left = "" if task.time_remaining is None else f", {_duration(task.time_remaining)} left"
    return f"{task.fields['what']} {task.completed:.0f} of {task.total:.0f}{left}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
