"""Check everything that goes to a cluster: ``python -m manifests.policies``.

The CustomResourceDefinitions of the platforms beside volcast are read from the folder that
``VOLCAST_CRDS`` names; without it their objects are not held against a schema, and that is said.
"""

import os
import sys
import tempfile
from pathlib import Path

from manifests.policies import linters, schemas
from manifests.policies.definitions import given
from manifests.policies.findings import ALLOWED, Finding, allowances, judged
from manifests.policies.rendering import ROOT, objects, rendered

__all__ = ["main"]


def main() -> int:
    """Print what is not allowed, and return 1 if there is anything."""
    with tempfile.TemporaryDirectory() as folder:
        files = rendered(Path(folder))
        definitions = given(os.environ.get("VOLCAST_CRDS"), ROOT.parent / "shared/crds")
        found = {"schema": _against_schemas(files, definitions)}
        for tool, lint in linters.LINTERS:
            found.setdefault(tool, []).extend(lint(files))
        number = sum(1 for path in files.values() for _ in objects(path))
    findings = [one for each in found.values() for one in each]
    ran = set(found) if definitions else set(found) - {"schema"}
    refused, stale = judged(findings, allowances(ALLOWED.read_text(encoding="utf-8")), ran)
    # Who is given more definitions than another lacks fewer schemas.
    stale = [one for one in stale if one.check != schemas.UNKNOWN]
    print(f"{number} objects of {len(files)} renderings, Kubernetes {', '.join(schemas.MINORS)}")
    for tool, each in found.items():
        print(f"  {tool:12} {len(each)} found")
    for one in refused:
        print(f"not allowed: {one}")
    for none in stale:
        print(f"allowed, and found nowhere: {none.tool} {none.check} at {none.where}; remove it")
    return 1 if refused or stale else 0


def _against_schemas(
    files: linters.Rendered, definitions: dict[tuple[str, str], dict[str, object]]
) -> list[Finding]:
    return [
        one
        for name, path in files.items()
        for one in schemas.violations(name, path, definitions)
        if definitions or one.check != schemas.UNKNOWN
    ]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (FileNotFoundError, RuntimeError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
