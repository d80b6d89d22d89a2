"""JSON files, and the identity of runs: hashes of inputs, code and configuration."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

import volcast
from volcast.core.errors import CorruptFile, VolcastError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FEATURE_CODE",
    "FORECAST_CODE",
    "FORECAST_LIBRARIES",
    "as_json",
    "code_version",
    "digest",
    "frame_digest",
    "library_versions",
    "parsed",
    "table_digest",
]

Parsed = TypeVar("Parsed")


def as_json(value: object) -> bytes:
    """Return ``value`` as strict JSON with sorted keys, so that equal values give equal bytes."""
    return (json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def parsed(
    parse: Callable[[bytes], Parsed],
    data: bytes,
    where: str,
    *,
    error: type[VolcastError] = CorruptFile,
    remedy: str = "Restore it from a backup.",
) -> Parsed:
    """Return ``parse(data)`` of a JSON file, its failures raised as ``error``."""
    try:
        return parse(data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise error(
            found=f"a file that cannot be read ({fault!r})",
            expected="JSON as this version of volcast writes it",
            where=where,
            remedy=remedy,
        ) from fault


def digest(*parts: object) -> str:
    """Return the SHA-256 of ``parts`` as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, default=str, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def frame_digest(frame: "pd.DataFrame") -> str:
    """Return the SHA-256 of a frame's column names and values, in order."""
    sha = hashlib.sha256(json.dumps(list(frame.columns)).encode())
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind == "f":
            sha.update(np.ascontiguousarray(column.to_numpy(dtype=np.float64)).tobytes())
        else:
            sha.update("\n".join(map(str, column)).encode())
    return sha.hexdigest()


def table_digest(table: pa.Table) -> str:
    """Return the SHA-256 of a table's schema and values, in order."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


FEATURE_CODE = ("data/checks/prints.py", "features/*.py", "features/*.csv")
"""Files that the features of the same prices depend on."""

FORECAST_CODE = (*FEATURE_CODE, "models/*.py", "evaluation/*.py", "training/train.py")
"""Files that a forecast depends on."""

FORECAST_LIBRARIES = ("numpy", "pandas", "xgboost", "xgboost-cpu")
"""Distributions whose version may change a forecast; absent ones are left out."""


@lru_cache(maxsize=4)
def code_version(
    patterns: tuple[str, ...] = FORECAST_CODE, libraries: tuple[str, ...] = FORECAST_LIBRARIES
) -> str:
    """Return the package's version and a hash of the modules that match ``patterns``.

    The versions of the libraries that compute are part of the hash: a model of another xgboost is
    another model. Those that do not must not be named: an image may lack them.
    """
    package = Path(volcast.__file__).parent
    sha = hashlib.sha256()
    for pattern in patterns:
        for module in sorted(package.glob(pattern)):
            sha.update(module.read_bytes())
    for installed in library_versions(libraries):
        sha.update(installed.encode())
    return f"{volcast.__version__}+{sha.hexdigest()[:12]}"


def library_versions(distributions: Sequence[str]) -> list[str]:
    """Return ``name version`` of each of the distributions that is installed."""
    versions = []
    for name in distributions:
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    return versions
