"""Identity of runs: hashes of inputs, code and configuration; never a clock."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

import volcast

__all__ = ["code_version", "digest", "frame_digest"]


def digest(*parts: object) -> str:
    """Return the SHA-256 of ``parts`` as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, default=str, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def frame_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a frame's column names and values, in order."""
    sha = hashlib.sha256(json.dumps(list(frame.columns)).encode())
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind == "f":
            sha.update(np.ascontiguousarray(column.to_numpy(dtype=np.float64)).tobytes())
        else:
            sha.update("\n".join(map(str, column)).encode())
    return sha.hexdigest()


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the package's version and a hash of the modules a forecast depends on."""
    package = Path(volcast.__file__).parent
    sha = hashlib.sha256()
    for folder in ("features", "models", "evaluation"):
        for module in sorted((package / folder).glob("*.py")):
            sha.update(module.read_bytes())
    for name in ("labels.py", "training.py"):
        sha.update((package / name).read_bytes())
    return f"{volcast.__version__}+{sha.hexdigest()[:12]}"
