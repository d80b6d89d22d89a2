"""Write the notes of a release from CHANGELOG.md: what needs action, then what is new to whom."""

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main", "notes"]

ROOT = Path(__file__).parents[1]

AUDIENCES = {
    "For users": "For quants and whoever reads the forecast",
    "For operators": "For operators",
    "For developers": "For ML engineers and developers",
}
"""Headings of the changelog, in order, and those of the notes."""

_BREAKING = "**Breaking**: "


def notes(changelog: str, version: str) -> str:
    """Return the notes of a version.

    Raises
    ------
    ValueError
        If the changelog has no such version, an audience nobody is named by, or nothing to say.
    """
    found = re.search(
        rf"^## \[?{re.escape(version)}\]?(?: [^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.M | re.S
    )
    if found is None:
        raise ValueError(f"CHANGELOG.md has no section {version}: give Unreleased that name")
    entries = _entries(found[1])
    first = {name: [e for e in told if e.startswith(_BREAKING)] for name, told in entries.items()}
    parts = []
    if any(first.values()):
        parts.append("## Before you upgrade\n\n" + _list(_told(first)))
    for name, told in entries.items():
        rest = [entry for entry in told if not entry.startswith(_BREAKING)]
        if rest:
            parts.append(f"## {AUDIENCES[name]}\n\n{_list(rest)}")
    if not parts:
        raise ValueError(f"CHANGELOG.md says nothing of {version}")
    return "\n".join(parts)


def _told(first: dict[str, list[str]]) -> list[str]:
    return [
        f"({AUDIENCES[name][0].lower()}{AUDIENCES[name][1:]}) {entry.removeprefix(_BREAKING)}"
        for name, told in first.items()
        for entry in told
    ]


def _entries(section: str) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {name: [] for name in AUDIENCES}
    audience = None
    for line in section.splitlines():
        if line.startswith("### "):
            audience = line.removeprefix("### ").strip()
            if audience not in entries:
                raise ValueError(f"CHANGELOG.md speaks to {audience!r}; known: {list(AUDIENCES)}")
        elif line.startswith("- ") and audience is not None:
            entries[audience].append(line.removeprefix("- ").strip())
        elif line.strip():
            if audience is None or not entries[audience]:
                raise ValueError(f"CHANGELOG.md: {line.strip()!r} stands outside of an entry")
            entries[audience][-1] += f" {line.strip()}"
    return entries


def _list(entries: Sequence[str]) -> str:
    return "".join(f"- {entry}\n" for entry in entries)


def _images(build: dict[str, str]) -> str:
    lines = "".join(f"| {name} | `{reference}` |\n" for name, reference in sorted(build.items()))
    return f"## Images\n\n| | |\n|---|---|\n{lines}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the notes of a tag; 1 and the reason where there can be none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag", help="v1.2.3")
    parser.add_argument("--build", type=Path, help="JSON of image to reference, to list them")
    asked = parser.parse_args(argv)
    version = asked.tag.removeprefix("v")
    try:
        declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        if version != declared:
            raise ValueError(f"the tag is {asked.tag}, and pyproject.toml says {declared}")
        text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
        if asked.build is not None:
            text += "\n" + _images(json.loads(asked.build.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
