"""The chart with one condition of its templates forced."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.tools import CHART

__all__ = ["Mutant", "mutants"]

_ACTION = re.compile(r"\{\{-?\s*(else if|if|with|range)\s+(.*?)\s*(-?\}\})", re.DOTALL)
_NAMES = re.compile(r"^(\$\w+(?:\s*,\s*\$\w+)?\s*:=\s*)(.*)$", re.DOTALL)
_DEFAULT = re.compile(r"\|\s*default\s+(\([^()]*\)|[^\s()]+)")
_COMMENT = re.compile(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)
_CALL = re.compile(r"\bternary\b|\bcoalesce\b|(?<!\|\s)\bdefault\b")


@dataclass(frozen=True)
class Mutant:
    """One condition forced one way, as the text of the one file that differs."""

    file: str
    line: int
    action: str
    forced: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.action} -> {self.forced}"


def mutants() -> Iterator[Mutant]:
    """Yield each condition of the chart and its subchart, forced true and forced false."""
    for path in sorted(CHART.rglob("templates/**/*")):
        if path.is_file():
            yield from _of(path)


def _of(path: Path) -> Iterator[Mutant]:
    text, name = path.read_text(), str(path.relative_to(CHART))
    comments = [found.span() for found in _COMMENT.finditer(text)]
    for pattern, forced in ((_ACTION, _forced_action), (_DEFAULT, _forced_default)):
        for found in pattern.finditer(text):
            if any(start <= found.start() < end for start, end in comments):
                continue
            line = text.count("\n", 0, found.start()) + 1
            for way, other in forced(found):
                whole = text[: found.start()] + other + text[found.end() :]
                yield Mutant(name, line, found[0], way, whole)


def _forced_action(found: re.Match[str]) -> Iterator[tuple[str, str]]:
    word, condition, end = found.groups()
    start = found[0][: found[0].index(word)] + word
    if word in ("if", "else if"):
        yield "true", f"{start} true {end}"
        yield "false", f"{start} false {end}"
        return
    named = _NAMES.match(condition)
    names, value = named.groups() if named else ("", condition)
    yield "empty", f"{start} {names}{'list' if word == 'range' else '``'} {end}"
    if word == "with":
        yield "never empty", f"{start} {names}({value}) | default `mutant` {end}"


def _forced_default(found: re.Match[str]) -> Iterator[tuple[str, str]]:
    yield "always", f"| coalesce {found[1]}"
    yield "never", '| default ""'
