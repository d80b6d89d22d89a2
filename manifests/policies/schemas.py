"""Validate rendered objects against the schemas of Kubernetes and of the platforms it hosts.

``python -m manifests.policies.schemas FILE...``. The platforms' CustomResourceDefinitions are read
from the folder that ``VOLCAST_CRDS`` names; without it their objects are not validated.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

__all__ = ["MINORS", "definitions", "main", "violations"]

MINORS = ("1.33", "1.34", "1.35")
"""The minors of Kubernetes that the chart is for; the README of the chart names the same."""

_WITHOUT_SCHEMA = {"Certificate", "Issuer", "GatewayClass", "SecretStore", "ClusterSecretStore"}
"""Kinds of cert-manager, Gateway API and External Secrets whose definitions are not fetched."""


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """Read a plain ``=`` as text, which YAML 1.1 does not, and definitions of matchers contain."""


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_yaml_str)

_Definitions = Mapping[tuple[str, str], dict[str, Any]]


def definitions(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the schemas of the CustomResourceDefinitions in a folder, by apiVersion and kind.

    A field that a definition does not name is refused, as ``kubectl apply`` with strict
    validation does, where the definition does not keep unknown fields.
    """
    schemas = {}
    for path in sorted(folder.glob("*.yaml")):
        for one in _objects(path):
            if one["kind"] != "CustomResourceDefinition":
                continue
            spec = one["spec"]
            for version in spec["versions"]:
                schema = _closed(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= {"metadata": {"type": "object"}}
                schemas[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return schemas


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a structural schema that refuses the fields it does not name.

    What is under ``allOf``, ``anyOf``, ``oneOf`` and ``not`` narrows fields and names none.
    """
    closed = {key: value for key, value in schema.items() if key not in ("default", "nullable")}
    if "properties" in closed:
        closed["properties"] = {key: _closed(one) for key, one in closed["properties"].items()}
        if not closed.get("x-kubernetes-preserve-unknown-fields"):
            closed.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(closed.get(key), dict):
            closed[key] = _closed(closed[key])
    if closed.pop("x-kubernetes-int-or-string", False):
        closed["type"] = ["integer", "string"]
    if schema.get("nullable") and isinstance(closed.get("type"), str):
        closed["type"] = [closed["type"], "null"]
    return closed


def violations(one: dict[str, Any], schemas: _Definitions) -> Iterator[str]:
    """Yield what the schema of each minor, or of a definition, does not allow in an object."""
    import kubernetes_validate  # only the environment of `make policies` has it

    kind = (one["apiVersion"], one["kind"])
    if kind in schemas:
        for error in jsonschema.Draft202012Validator(schemas[kind]).iter_errors(one):
            yield f"{error.json_path}: {error.message[:300]}"
        return
    for minor in MINORS:
        try:
            kubernetes_validate.validate(one, minor, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{minor} {error.json_path}: {error.message[:300]}"
        except kubernetes_validate.SchemaNotFoundError:
            if schemas and one["kind"] not in _WITHOUT_SCHEMA:
                yield f"no schema of {'/'.join(kind)}"
            return


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    for one in yaml.load_all(path.read_text(encoding="utf-8"), Loader=_Loader):
        if one:
            yield one


def main(files: Sequence[str]) -> int:
    """Print every violation; 1 if there is any, 2 if ``VOLCAST_CRDS`` names no definitions."""
    folder = os.environ.get("VOLCAST_CRDS")
    schemas = definitions(Path(folder)) if folder else {}
    if folder and not schemas:
        print(f"VOLCAST_CRDS names {folder}, which has no definitions", file=sys.stderr)
        return 2
    if not folder:
        print("VOLCAST_CRDS is not set: objects of platforms are not validated", file=sys.stderr)
    faults = [
        f"{Path(file).stem} {one['kind']}/{one['metadata']['name']}: {fault}"
        for file in files
        for one in _objects(Path(file))
        for fault in violations(one, schemas)
    ]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
