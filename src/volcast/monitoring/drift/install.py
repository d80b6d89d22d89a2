"""Make the environment that the drift check runs in, without make: in the user's cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import volcast
from volcast.core.errors import ConfigError, SourceUnavailable

__all__ = ["INSTALL", "install", "installed_python"]

INSTALL = "volcast drift --install"

_COMPLETE = ".complete"
_PACKAGE = Path(volcast.__file__).parent
_LOCKS = (
    _PACKAGE / "monitoring/drift/requirements.txt",  # in a wheel
    _PACKAGE.parents[1] / "requirements/drift.txt",  # in a checkout
)


def installed_python() -> Path | None:
    """Return the interpreter that `install` made for this version's lock, if there is one."""
    folder = _folder()
    done = folder is not None and (folder / _COMPLETE).is_file()
    return folder / "bin/python" if folder and done else None


def install() -> Path:
    """Install the drift check's locked packages, by hash, and return their interpreter.

    By uv, if it is on the path or next to this interpreter, and else by venv and pip of a Python
    3.11 or 3.12. An environment that is complete is left as it is.

    Raises
    ------
    ConfigError
        If the lock is not there, or neither uv nor a Python that fits.
    SourceUnavailable
        If the packages could not be installed.
    """
    lock, folder = _lock(), _folder()
    if lock is None or folder is None:
        raise ConfigError(
            found="no lock of the drift check", expected="requirements/drift.txt",
            where=str(_PACKAGE), remedy="Install volcast from its wheel or a checkout.",
        )  # fmt: skip
    python = folder / "bin/python"
    if (folder / _COMPLETE).is_file():
        return python
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is not None:
        _run(uv, "venv", "--quiet", "--clear", "--python", ">=3.11,<3.13", folder)
        _run(uv, "pip", "sync", "--python", python, "--require-hashes", lock)
    else:
        _run(_base(), "-m", "venv", "--clear", folder)
        _run(python, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", lock)
    # Last: an installation cut short is begun again.
    (folder / _COMPLETE).touch()
    return python


def _lock() -> Path | None:
    return next((path for path in _LOCKS if path.is_file()), None)


def _folder() -> Path | None:
    """Return the environment's folder, one for each lock; None without a lock."""
    lock = _lock()
    if lock is None:
        return None
    default = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or default).expanduser()
    return cache / "volcast" / f"drift-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def _base() -> str:
    """Return a Python that can have numpy 1."""
    if sys.version_info < (3, 13):
        return sys.executable
    for name in ("python3.12", "python3.11"):
        path = shutil.which(name)
        if path is not None:
            return path
    raise ConfigError(
        found="neither uv nor Python 3.11 or 3.12", expected="one of them on the path",
        where=INSTALL, remedy="Install uv, which fetches a Python, or Python 3.12.",
    )  # fmt: skip


def _run(*command: str | Path) -> None:
    """Run a command that prints to the terminal by itself."""
    code = subprocess.run(list(map(str, command)), check=False).returncode  # noqa: S603
    if code:
        raise SourceUnavailable(
            found=f"exit code {code} of {' '.join(map(str, command[:3]))}",
            expected="an environment with alibi-detect", where=INSTALL,
            remedy="See its message above; behind a proxy or an index of your own, set it for uv "
            "(UV_INDEX_URL) or pip. Then run again.",
        )  # fmt: skip
