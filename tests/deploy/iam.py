"""What IAM answers: the part of its evaluation that our policies use, in plain code."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

__all__ = ["Statement", "allowed", "listed"]

Statement = Mapping[str, Any]


def allowed(
    statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]
) -> bool:
    """Return whether some statement allows the request and none denies it.

    Whose request it is, is the caller's choice of statements: `Principal` is not looked at.
    """
    hit = [s["Effect"] for s in statements if _applies(s, action, resource, context)]
    return "Allow" in hit and "Deny" not in hit


def _applies(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    unknown = statement.keys() - {
        "Sid", "Effect", "Principal", "Action", "Resource", "Condition"
    }  # fmt: skip
    assert not unknown, f"not evaluated here: {unknown}"
    return (
        any(_like(pattern.lower(), action.lower()) for pattern in listed(statement["Action"]))
        and any(_like(pattern, resource) for pattern in listed(statement.get("Resource", "*")))
        and all(
            _HOLDS[operator](context.get(key), listed(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> "re.Pattern[str]":
    parts = re.split(r"([*?])", pattern)
    return re.compile("".join({"*": ".*", "?": "."}.get(p, re.escape(p)) for p in parts), re.DOTALL)


_HOLDS = {
    "StringEquals": lambda found, wanted: found in wanted,
    # A key that is absent differs from every value.
    "StringNotEquals": lambda found, wanted: found not in wanted,
    "Bool": lambda found, wanted: found is not None and found.lower() in wanted,
    "Null": lambda found, wanted: str(found is None).lower() in wanted,
}


def listed(value: Any) -> Sequence[Any]:
    """Return a list, of one where the policy has no list."""
    return value if isinstance(value, list) else [value]
