"""Load the applications next to the library (feature_repo, pipelines) when they are needed."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from volcast.core.errors import ConfigError

__all__ = ["load", "missing"]


_EXTRAS = {
    "components": "pipelines",
    "feature_repo": "feast",
    "pipelines": "pipelines",
    "serving": "serving",
}


def load(module: str, extra: str = "") -> ModuleType:
    """Import ``module``, such as ``feature_repo.historical``, from the repository root.

    The root is ``VOLCAST_HOME`` where set, else the checkout that this package was installed from
    or the copy in its wheel, else the current folder.

    Parameters
    ----------
    extra : str
        Of volcast, which has the packages that the module imports; empty: by the application.

    Raises
    ------
    ConfigError
        If no such folder holds the application, or a package that it imports is not installed.
    """
    top = module.partition(".")[0]
    root = _root(top)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing(error, extra or _EXTRAS[top]) from error


def missing(error: ModuleNotFoundError, extra: str) -> ConfigError:
    """Return the error of a package that the extra of volcast would install."""
    return ConfigError(
        found=f"no package {error.name}", expected=f"the packages of volcast[{extra}]",
        where=f"Python at {sys.executable}", remedy=f"Run `pip install 'volcast[{extra}]'`.",
    )  # fmt: skip


def _root(top: str) -> Path:
    here = Path(__file__).resolve()
    places = [here.parents[3], here.parents[1] / "applications", Path.cwd()]
    if "VOLCAST_HOME" in os.environ:
        places.insert(0, Path(os.environ["VOLCAST_HOME"]))
    for place in places:
        if (place / top).is_dir():
            return place
    raise ConfigError(
        found=f"no folder {top}", expected="the repository root",
        where="VOLCAST_HOME, the package and the current folder",
        remedy="Install volcast from its wheel or a checkout, or set VOLCAST_HOME to a checkout.",
    )  # fmt: skip
