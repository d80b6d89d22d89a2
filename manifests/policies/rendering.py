"""What is sent to a cluster: the chart with each set of values, and each overlay."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ROOT", "named", "objects", "program", "rendered"]

ROOT = Path(__file__).parents[2]

_CHART = ROOT / "helm/volcast"
_OVERLAYS = ROOT / "manifests/overlays"


def program(name: str) -> str:
    """Return where a program is.

    Raises
    ------
    FileNotFoundError
        If it is neither beside the interpreter, nor built by ``make tools``, nor on the path.
    """
    for folder in (Path(sys.executable).parent, ROOT / ".tools/bin"):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            f"{name} is not on this machine; `make tools` builds helm, kustomize, kube-score and "
            "actionlint, and promtool comes with Prometheus (Debian: apt-get install prometheus)."
        )
    return found


def rendered(folder: Path) -> dict[str, Path]:
    """Render everything into ``folder``; return the files as ``chart/SET``, ``overlay/NAME``."""
    commands: dict[str, list[str]] = {}
    for values in sorted((_CHART / "ci").glob("*-values.yaml")):
        commands[f"chart/{values.name.removesuffix('-values.yaml')}"] = [
            program("helm"), "template", "volcast", str(_CHART), "--namespace", "volcast",
            "--values", str(values),
        ]  # fmt: skip
    for overlay in sorted(_OVERLAYS.glob("*/kustomization.yaml")):
        commands[f"overlay/{overlay.parent.name}"] = [
            program("kustomize"), "build", "--enable-helm", "--helm-command", program("helm"),
            "--load-restrictor", "LoadRestrictionsNone", str(overlay.parent),
        ]  # fmt: skip

    def write(item: tuple[str, list[str]]) -> tuple[str, Path]:
        name, command = item
        path = folder / f"{name.replace('/', '-')}.yaml"
        path.write_text(_printed(command), encoding="utf-8")
        return name, path

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(write, commands.items()))


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a rendered file."""
    for one in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
        if one:
            yield one


def named(one: dict[str, Any]) -> str:
    """Return how findings name an object: ``Service/volcast-serving``."""
    return f"{one['kind']}/{one['metadata']['name']}"


def _printed(command: Sequence[str]) -> str:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr.strip()}"
        )
    return ended.stdout
