"""The schemas of the platforms beside volcast, from their CustomResourceDefinitions."""

import sys
from pathlib import Path
from typing import Any

from manifests.policies.rendering import objects

__all__ = ["given", "published"]

_KEPT = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"


def given(named: str | None, beside: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the definitions of the folder that is named, else of one that may be beside us.

    Where there is none it is said, and whoever asks holds fewer objects against a schema.

    Raises
    ------
    FileNotFoundError
        If a folder is named and no definition is in it.
    """
    folder = Path(named or beside)
    found = published(folder) if folder.is_dir() else {}
    if named and not found:
        raise FileNotFoundError(f"VOLCAST_CRDS names {named}, and no definition is in there")
    if not found:
        print(
            f"no definitions in {folder}: InferenceService, PrometheusRule and their like are "
            "held against no schema; name the folder of their definitions in VOLCAST_CRDS",
            file=sys.stderr,
        )
    return found


def published(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the schemas of the CustomResourceDefinitions in ``folder``, by apiVersion and kind.

    A field that a definition does not name is refused, as ``kubectl apply`` with strict
    validation does, where the definition does not say that it keeps unknown fields.
    """
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        for one in objects(path):
            if one["kind"] != "CustomResourceDefinition":
                continue
            spec = one["spec"]
            for version in spec["versions"]:
                schema = _closed(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= {"metadata": {"type": "object"}}
                found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a structural schema that refuses the fields it does not name.

    What stands under ``allOf``, ``anyOf``, ``oneOf`` and ``not`` narrows fields and names none.
    """
    closed = {key: value for key, value in schema.items() if key not in ("default", "nullable")}
    if "properties" in closed:
        closed["properties"] = {key: _closed(one) for key, one in closed["properties"].items()}
        if not closed.get(_KEPT):
            closed.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(closed.get(key), dict):
            closed[key] = _closed(closed[key])
    if closed.pop(_INT_OR_STRING, False):
        closed["type"] = ["integer", "string"]
    if schema.get("nullable") and isinstance(closed.get("type"), str):
        closed["type"] = [closed["type"], "null"]
    return closed
