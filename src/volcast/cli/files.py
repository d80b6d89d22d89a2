"""Files written for the user, outside the store."""

import os
import tempfile
from pathlib import Path

from volcast.core.errors import StoreUnavailable

__all__ = ["write_file"]


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` whole or not at all.

    Raises
    ------
    StoreUnavailable
        If the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
            temporary.write(data)
        os.replace(temporary.name, path)
    except OSError as error:
        raise StoreUnavailable(
            found=str(error), expected="a file that can be written", where=str(path),
            remedy="Give --out a path in a folder you may write to.",
        ) from error  # fmt: skip
