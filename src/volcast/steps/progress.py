"""Show a run on a terminal or in a file: a line a step, with its time and its facts."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from volcast.steps.table import STEPS

__all__ = ["StepProgress", "facts_text", "remarks"]


def facts_text(facts: Mapping[str, Any]) -> str:
    """Return the facts of a step in one line, without its remarks."""
    return ", ".join(f"{k} {v}" for k, v in facts.items() if not isinstance(v, list))


def remarks(facts: Mapping[str, Any]) -> list[str]:
    """Return the remarks of a step, each once."""
    lists = [value for value in facts.values() if isinstance(value, list)]
    return list(dict.fromkeys(str(remark) for remarks in lists for remark in remarks))


class StepProgress:
    """Shows each step when it ends; on a terminal with a clock, elsewhere also when it begins.

    Parameters
    ----------
    console : rich.console.Console
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._clock = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
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

    def started(self, step: str) -> None:
        """Show that a step begins."""
        if self._console.is_terminal:
            self._clock.add_task(STEPS[step].title)
        else:
            self.show(f"  {STEPS[step].title} ...")

    def finished(self, step: str, facts: Mapping[str, Any]) -> None:
        """Show a step's time, facts and new remarks."""
        self._end(step, f"[dim]{escape(facts_text(facts))}[/]")
        new = [remark for remark in remarks(facts) if remark not in self._shown]
        for remark in new:
            self.show(f"      {escape(remark)}")
        self._shown.update(new)
        if facts.get("passed") is False:
            self.show("  The gate refused this candidate: nothing was promoted.")

    def failed(self, step: str) -> None:
        """Show a step's time, and that it failed."""
        self._end(step, "[red]failed[/]")

    def show(self, markup: str) -> None:
        """Print a line of rich markup."""
        self._console.print(markup, highlight=False, soft_wrap=True)

    def _end(self, step: str, text: str) -> None:
        for task in self._clock.task_ids:
            self._clock.remove_task(task)
        now = time.monotonic()
        self.show(f"  {STEPS[step].title:<24}{now - self._began:6.1f} s  {text}")
        self._began = now
