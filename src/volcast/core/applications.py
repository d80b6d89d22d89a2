"""Load the applications next to the library (feature_repo, pipelines) when they are needed."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from volcast.core.errors import ConfigError

__all__ = ["load"]


def load(module: str) -> ModuleType:
    """Import ``module``, such as ``feature_repo.historical``, from the repository root.

    The root is ``VOLCAST_HOME`` where set, else the checkout that this package was installed from
    or the copy in its wheel, else the current folder.

    Raises
    ------
    ConfigError
        If no such folder holds the application.
    """
    top = module.partition(".")[0]
    places = [
        Path(os.environ["VOLCAST_HOME"]) if "VOLCAST_HOME" in os.environ else None,
        Path(__file__).resolve().parents[3],
        Path(__file__).resolve().parents[1] / "applications",
        Path.cwd(),
    ]
    for place in places:
        if place is not None and (place / top).is_dir():
            if str(place) not in sys.path:
                sys.path.insert(0, str(place))
            return importlib.import_module(module)
    raise ConfigError(
        found=f"no folder {top}",
        expected="the repository root",
        where="VOLCAST_HOME, the package's checkout and the current folder",
        remedy="Run from a checkout, or set VOLCAST_HOME to one.",
    )
