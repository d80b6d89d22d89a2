"""Show a run on a terminal or in a file: a line a step, with its time and its facts."""

import time
from collections.abc import Iterator, Mapping
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

__all__ = ["StepProgress"]


class StepProgress:
    """Shows each step when it ends; on a terminal with a clock, elsewhere also when it begins."""

    def __init__(self, console: Console) -> None:
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
            disable=not console.is_terminal,
        )
        self._began = 0.0
        self._shown: set[str] = set()

    @contextmanager
    def pipeline(self, name: str) -> Iterator[None]:
        """Show the pipeline's name and, on a terminal, the clock while it runs."""
        self.show(f"[bold]{name}[/]")
        self._began = time.monotonic()
        with self._clock:
            yield

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
            if self._console.is_terminal:
                self._clock.add_task(title, total=None)
            else:
                self.show(f"  {title} ...")
            return
        for task in self._clock.task_ids:
            self._clock.remove_task(task)
        texts = (f"{k} {v}" for k, v in facts.items() if not isinstance(v, list))
        failed = event == "step_failed"
        text = "[red]failed[/]" if failed else f"[dim]{escape(', '.join(texts))}[/]"
        now = time.monotonic()
        self.show(f"  {title:<24}{now - self._began:6.1f} s  {text}")
        self._began = now
        for remark in (str(one) for v in facts.values() if isinstance(v, list) for one in v):
            if remark not in self._shown:
                self.show(f"      {escape(remark)}")
            self._shown.add(remark)
        if facts.get("passed") is False:
            self.show("  The gate refused this candidate: nothing was promoted.")

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far the step under way is, on a terminal."""
        for task in self._clock.tasks:
            if task.fields.get("what") != what:
                self._clock.reset(task.id, total=total, what=what)
            self._clock.update(task.id, total=total, completed=done, what=what)

    def show(self, markup: str) -> None:
        """Print a line of rich markup."""
        self._console.print(markup, highlight=False, soft_wrap=True)


class _Counts(ProgressColumn):
    """How much of what is done, and the time left, of a task that counts."""

    def render(self, task: Task) -> Text:
        if not task.total:
            return Text()
        left = "" if task.time_remaining is None else f", {task.time_remaining:.0f} s left"
        what = task.fields["what"]
        return Text(f"{what}: {task.completed:.0f} of {task.total:.0f}{left}", style="dim")
