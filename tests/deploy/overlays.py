"""The overlays as kustomize builds them."""

from functools import cache
from pathlib import Path
from typing import Any

from tests.deploy.charted import objects_in
from tests.deploy.tools import MANIFESTS, ran, tool

__all__ = ["OVERLAYS", "built", "overlay"]

OVERLAYS = ("kind", "eks")


def built(folder: Path) -> str:
    """Return what kustomize prints for a folder."""
    return ran([tool("kustomize"), "build", "--enable-helm", "--helm-command", tool("helm"),
                str(folder)])  # fmt: skip


@cache
def overlay(name: str) -> list[dict[str, Any]]:
    """Return the objects of an overlay; they are shared, so copy what you change."""
    return objects_in(built(MANIFESTS / "overlays" / name))
