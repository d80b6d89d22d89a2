"""The chart as `helm template` renders it, and the overlays as kustomize builds them."""

import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.tools import CHART, ROOT, TEMPLATE, ran, tool

__all__ = [
    "ENVIRONMENTS", "NAMESPACE", "OVERLAYS", "PACKAGES", "VALUE_SETS", "RenderingFailed", "built",
    "chosen", "deployed", "images", "objects_in", "overlay", "pod_specs", "pods", "render",
    "text_of",
]  # fmt: skip

NAMESPACE = "volcast"

OVERLAYS = ("kind", "eks")

ENVIRONMENTS = {path.stem: path for path in sorted((CHART / "environments").glob("*.yaml"))}
"""The values of whole installations by name; releases add the pipelines."""

VALUE_SETS = {
    path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*.yaml"))
} | {f"environment-{name}": path for name, path in ENVIRONMENTS.items()}
"""The chart's value sets by name."""

PACKAGES = tuple(
    f"pipelines.packages.{path.stem}\\.yaml={path}"
    for path in sorted((ROOT / "pipelines/compiled").glob("*.yaml"))
)
"""The compiled pipelines, as ``--set-file`` takes them."""


class RenderingFailed(Exception):
    """Helm's message in place of a rendering."""


def text_of(values: Path, *sets: str, chart: Path = CHART) -> str:
    """Return what helm prints for a value set, with further ``name=value``."""
    flags = [part for one in sets for part in ("--set", one)]
    files = PACKAGES if values.parent.name == "environments" else ()
    flags += [part for one in files for part in ("--set-file", one)]
    ended = subprocess.run(
        [tool("helm"), *TEMPLATE, str(chart),
         "--values", str(values), *flags],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if ended.returncode:
        raise RenderingFailed(ended.stderr)
    return ended.stdout


def objects_in(text: str) -> list[dict[str, Any]]:
    """Return the objects of a text of many."""
    # The safe loader in C: the dashboards alone take the other one a second.
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


@cache
def render(values: Path, *sets: str) -> list[dict[str, Any]]:
    """Return the objects of a value set; they are shared, so copy what you change.

    Raises
    ------
    RenderingFailed
        If the chart refuses the values.
    """
    return objects_in(text_of(values, *sets))


def chosen(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the one object of that kind and name (of the release's namespace, if of several)."""
    named = [one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    ours = [one for one in named if one["metadata"]["namespace"] == NAMESPACE] or named
    assert len(ours) == 1, f"{len(ours)} of {kind} {name}"
    return ours[0]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, Mapping[str, str], dict[str, Any]]]:
    """Yield part, labels and pod spec of each object that makes pods."""
    for one in objects:
        spec = one.get("spec", {})
        if one["kind"] == "InferenceService":
            labels, pod = spec["predictor"]["labels"], spec["predictor"]
        elif one["kind"] == "Pod":
            labels, pod = one["metadata"]["labels"], spec
        elif "template" in spec:
            labels, pod = spec["template"]["metadata"]["labels"], spec["template"]["spec"]
        else:
            continue
        yield labels.get("app.kubernetes.io/component", one["metadata"]["name"]), labels, pod


def pod_specs(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield each pod spec in an object of any kind: what has containers."""
    if isinstance(tree, dict):
        if "containers" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from pod_specs(branch)


def built(folder: Path) -> str:
    """Return what kustomize prints for a folder."""
    return ran([tool("kustomize"), "build", str(folder)])


def deployed(root: Path, name: str) -> str:
    """Return what is deployed on kind or EKS: kustomize's objects, and the chart."""
    environment = {"eks": "eks-production"}.get(name, name)
    chart = text_of(root / f"helm/volcast/environments/{environment}.yaml")
    return built(root / "manifests/overlays" / name) + "---\n" + chart


@cache
def overlay(name: str) -> list[dict[str, Any]]:
    """Return the objects of an overlay; they are shared, so copy what you change."""
    return objects_in(deployed(ROOT, name))


def images(objects: list[dict[str, Any]]) -> set[str]:
    """Return the images of all pods."""
    return {
        container["image"]
        for one in objects
        for spec in pod_specs(one)
        for container in (*spec["containers"], *spec.get("initContainers", ()))
    }
