"""The overlays as kustomize builds them."""

from functools import cache
from pathlib import Path
from typing import Any

from tests.deploy.charted import objects_in, pod_specs
from tests.deploy.tools import MANIFESTS, ran, tool

__all__ = ["OVERLAYS", "built", "images", "overlay"]

OVERLAYS = ("kind", "eks")


def built(folder: Path) -> str:
    """Return what kustomize prints for a folder."""
    return ran([tool("kustomize"), "build", "--enable-helm", "--helm-command", tool("helm"),
                str(folder)])  # fmt: skip


@cache
def overlay(name: str) -> list[dict[str, Any]]:
    """Return the objects of an overlay; they are shared, so copy what you change."""
    return objects_in(built(MANIFESTS / "overlays" / name))


def images(objects: list[dict[str, Any]]) -> set[str]:
    """Return the images of all pods."""
    return {
        container["image"]
        for one in objects
        for spec in pod_specs(one)
        for container in (*spec["containers"], *spec.get("initContainers", ()))
    }
