"""Hold rendered objects against the schemas of Kubernetes and of the platforms beside it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

from manifests.policies.findings import Finding
from manifests.policies.rendering import named, objects

__all__ = ["MINORS", "UNKNOWN", "violations"]

MINORS = ("1.33", "1.34", "1.35")
"""The minors of Kubernetes that the chart is for; the README of the chart names the same."""


def violations(
    name: str, path: Path, definitions: Mapping[tuple[str, str], dict[str, Any]]
) -> Iterator[Finding]:
    """Yield what the schemas of each minor, or of a definition, do not allow in a rendered file."""
    for one in objects(path):
        where = f"{name} {named(one)}"
        kind = (one["apiVersion"], one["kind"])
        if kind in definitions:
            for error in _validator(kind, definitions).iter_errors(one):
                yield Finding("schema", kind[0], where, f"{error.json_path}: {error.message[:300]}")
            continue
        for minor in MINORS:
            try:
                kubernetes_validate.validate(one, minor, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield Finding("schema", minor, where, f"{error.json_path}: {error.message[:300]}")
            except kubernetes_validate.SchemaNotFoundError:
                yield Finding("schema", UNKNOWN, where, f"no schema of {'/'.join(kind)} here")
                break


UNKNOWN = "no-schema"
"""The check of the findings that say that there is no schema here to hold an object against."""

_validators: dict[tuple[str, str], Any] = {}


def _validator(
    kind: tuple[str, str], definitions: Mapping[tuple[str, str], dict[str, Any]]
) -> jsonschema.protocols.Validator:
    if kind not in _validators:
        _validators[kind] = jsonschema.Draft202012Validator(definitions[kind])
    return _validators[kind]
