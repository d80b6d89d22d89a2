"""What a tool found, and the findings that are allowed, each with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

__all__ = ["ALLOWED", "Allowance", "Finding", "allowances", "judged"]

ALLOWED = Path(__file__).with_name("allowed.yaml")
"""The findings that are allowed."""

_REASON_WORDS = 5


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that a tool does not like.

    Parameters
    ----------
    tool, check : str
        Who found it, and the tool's own name of the rule.
    where : str
        The file, or what was rendered and the object in it: ``chart/minimal Service/volcast``.
    says : str
        The tool's words.
    """

    tool: str
    check: str
    where: str
    says: str

    def __str__(self) -> str:
        return f"{self.tool} {self.check}: {self.where}: {self.says}"


@dataclass(frozen=True)
class Allowance:
    """Findings of one rule that are allowed where a pattern matches, and why."""

    tool: str
    check: str
    where: str
    why: str

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one of these."""
        same = (self.tool, self.check) == (finding.tool, finding.check)
        return same and fnmatchcase(finding.where, self.where)


def allowances(text: str) -> list[Allowance]:
    """Read the list of what is allowed; an entry with several patterns is one for each.

    Raises
    ------
    ValueError
        If an entry lacks a field, or its reason is not a sentence.
    """
    found = [
        Allowance(**entry | {"where": pattern})
        for entry in yaml.safe_load(text) or []
        for pattern in ([entry["where"]] if isinstance(entry["where"], str) else entry["where"])
    ]
    for one in found:
        if len(one.why.split()) < _REASON_WORDS:
            raise ValueError(
                f"{one.tool} {one.check} is allowed because {one.why!r}; say why in a sentence, "
                f"in {ALLOWED}."
            )
    return found


def judged(
    findings: Iterable[Finding], allowed: Iterable[Allowance], ran: Iterable[str]
) -> tuple[list[Finding], list[Allowance]]:
    """Return the findings that nothing allows, and the allowances that no finding needs.

    Parameters
    ----------
    ran : iterable of str
        The tools that ran; what is allowed to others is not held to be stale.
    """
    findings, allowed, ran = set(findings), list(allowed), set(ran)
    refused = sorted(one for one in findings if not any(given.covers(one) for given in allowed))
    stale = [
        given for given in allowed
        if given.tool in ran and not any(given.covers(one) for one in findings)
    ]  # fmt: skip
    return refused, stale
