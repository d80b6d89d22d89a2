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

    The root is ``VOLCAST_HOME`` where set (as in the images), else the checkout that this package
    was installed from, else the current folder; ConfigError if none holds the application.
    """
    top = module.partition(".")[0]
    home = os.environ.get("VOLCAST_HOME")
    for place in (home and Path(home), Path(__file__).resolve().parents[3], Path.cwd()):
        if place and (place / top).is_dir():
            if str(place) not in sys.path:
                sys.path.insert(0, str(place))
            return importlib.import_module(module)
    raise ConfigError(
        found=f"no folder {top}",
        expected="the repository root",
        where="VOLCAST_HOME, the package's checkout and the current folder",
        remedy="Run from a checkout, or set VOLCAST_HOME to one.",
    )
