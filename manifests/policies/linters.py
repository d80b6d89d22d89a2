"""The linters, each read into findings."""

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from manifests.policies.findings import Finding
from manifests.policies.rendering import ROOT, program

__all__ = ["LINTERS", "Rendered"]

Rendered = Mapping[str, Path]

_DOCKERFILES = ("components/Dockerfile", "serving/Dockerfile")
_TEMPLATES = ("manifests/eks/aws.yaml",)
_YAML = (
    "compose.yaml", "skaffold.yaml", ".github", "helm/volcast/Chart.yaml",
    "helm/volcast/values.yaml", "helm/volcast/ci", "helm/volcast/files", "manifests",
)  # fmt: skip


def kube_score(files: Rendered) -> Iterator[Finding]:
    """Yield what kube-score holds to be critical or a warning."""
    for name, path in files.items():
        printed = _printed([program("kube-score"), "score", "--output-format", "json", str(path)])
        for one in json.loads(printed) or []:
            where = f"{name} {one['type_meta']['kind']}/{one['object_meta']['name']}"
            for check in one["checks"]:
                if not check["skipped"] and check["grade"] < _GOOD:
                    says = "; ".join(
                        f"{said['path']} {said['summary']}".strip()
                        for said in check["comments"] or []
                    )
                    yield Finding("kube-score", check["check"]["id"], where, says)


def checkov_rendered(files: Rendered) -> Iterator[Finding]:
    """Yield what checkov's rules for Kubernetes find."""
    names = {path.name: name for name, path in files.items()}
    folder = next(iter(files.values())).parent
    for one in _checkov(["--directory", str(folder), "--framework", "kubernetes"]):
        where = f"{names[Path(one['file_path']).name]} {one['resource']}"
        yield Finding("checkov", one["check_id"], where, one["check_name"])


def checkov_files(_: Rendered) -> Iterator[Finding]:
    """Yield what checkov's rules for Dockerfiles, workflows and CloudFormation find."""
    command = [
        "--directory",
        str(ROOT),
        "--framework",
        "dockerfile",
        "github_actions",
        "cloudformation",
    ]
    for folder in (".venv", ".venv-drift", ".venv-policy", ".tools", "var", "tests", "src", "docs"):
        command += ["--skip-path", folder]
    for one in _checkov(command):
        where = f"{one['file_path'].lstrip('/')} {one['resource']}"
        yield Finding("checkov", one["check_id"], where, one["check_name"])


def hadolint(_: Rendered) -> Iterator[Finding]:
    """Yield what hadolint finds in the Dockerfiles."""
    for one in json.loads(_printed([program("hadolint"), "--format", "json", *_DOCKERFILES])):
        yield Finding("hadolint", one["code"], f"{one['file']}:{one['line']}", one["message"])


def cfn_lint(_: Rendered) -> Iterator[Finding]:
    """Yield what cfn-lint finds in the CloudFormation templates."""
    for name in _TEMPLATES:
        for one in json.loads(_printed([program("cfn-lint"), "--format", "json", name]) or "[]"):
            line = one["Location"]["Start"]["LineNumber"]
            yield Finding("cfn-lint", one["Rule"]["Id"], f"{name}:{line}", one["Message"])


def actionlint(_: Rendered) -> Iterator[Finding]:
    """Yield what actionlint finds in the workflows."""
    for one in json.loads(_printed([program("actionlint"), "-format", "{{json .}}"])) or []:
        yield Finding("actionlint", one["kind"], f"{one['filepath']}:{one['line']}", one["message"])


def yamllint(_: Rendered) -> Iterator[Finding]:
    """Yield what yamllint finds in the YAML that people write."""
    present = [name for name in _YAML if (ROOT / name).exists()]
    printed = _printed([program("yamllint"), "--config-file", "manifests/policies/yamllint.yaml",
                        "--format", "parsable", *present])  # fmt: skip
    for path, line, says in re.findall(r"^(.+?):(\d+):\d+: (.+)$", printed, re.MULTILINE):
        check = re.search(r"\(([\w-]+)\)$", says)
        yield Finding("yamllint", check.group(1) if check else "syntax", f"{path}:{line}", says)


def promtool(_: Rendered) -> Iterator[Finding]:
    """Yield what promtool finds in the Prometheus rules."""
    for path in sorted((ROOT / "helm/volcast/files/rules").glob("*.yaml")):
        name = str(path.relative_to(ROOT))
        ended = _run([program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", name])
        if ended.returncode:
            yield Finding("promtool", "rules", name, (ended.stdout + ended.stderr).strip())


LINTERS: Sequence[tuple[str, Callable[[Rendered], Iterator[Finding]]]] = (
    ("kube-score", kube_score),
    ("checkov", checkov_rendered),
    ("checkov", checkov_files),
    ("hadolint", hadolint),
    ("cfn-lint", cfn_lint),
    ("actionlint", actionlint),
    ("yamllint", yamllint),
    ("promtool", promtool),
)
"""Each linter by its tool; it is given what was rendered, and looks at files of its own."""

_GOOD = 10
_BROKE = 2


def _checkov(arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    command = [program("checkov"), *arguments, "--output", "json", "--compact", "--quiet"]
    printed = _printed([*command, "--skip-download", "--skip-results-upload"])
    found = json.loads(printed)
    for report in found if isinstance(found, list) else [found]:
        if report.get("results", {}).get("parsing_errors"):
            raise RuntimeError(f"checkov could not read {report['results']['parsing_errors']}")
        yield from report.get("results", {}).get("failed_checks", [])


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    with tempfile.TemporaryFile() as nothing:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=nothing
        )


def _printed(command: Sequence[str]) -> str:
    ended = _run(command)
    if not ended.stdout.strip() and ended.returncode >= _BROKE:
        raise RuntimeError(f"{command[0]} ended with {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout
