"""Fitted parameters cached in the store, by the hash of what they were fitted on.

A cached entry equals what a fit on the same rows would give; deleting the files costs only time.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from volcast.core.errors import CorruptFile, StoreUnavailable
from volcast.core.hashing import as_json
from volcast.store.store import Store

__all__ = ["Parameters", "get_or_fit"]

Parameters = Mapping[str, Any]
"""One fit's parameters, as JSON has them."""

_TRIES = 20


def get_or_fit(
    store: Store,
    name: str,
    keys: Sequence[str],
    fit: Callable[[Sequence[str]], Iterable[Parameters]],
) -> dict[str, Parameters]:
    """Return the parameters under each key, fitting and storing those that are not cached.

    Parameters
    ----------
    store : Store
        Caches them in ``fits/<name>.json``.
    name : str
        The kind of fit and its series, such as ``garch/SPY``.
    keys : sequence of str
        One hash per fit, of everything it depends on: rows, model, library version.
    fit : callable
        Takes the keys that are not cached, in order, and returns the parameters of each.

    Raises
    ------
    CorruptFile
        If the cached file cannot be read.
    StoreUnavailable
        If other writers win every one of 20 attempts to write.
    """
    path = f"fits/{name}.json"
    cached, _ = _read(store, path)
    missing = [key for key in dict.fromkeys(keys) if key not in cached]
    if missing:
        fits = dict(zip(missing, fit(missing), strict=True))
        cached = _add(store, path, fits)
    return {key: cached[key] for key in keys}


def _read(store: Store, path: str) -> tuple[dict[str, Parameters], str | None]:
    stored = store.objects.get_or_none(path)
    if stored is None:
        return {}, None
    try:
        cached = json.loads(stored.data)
        if not isinstance(cached, dict):
            raise ValueError(f"a {type(cached).__name__}")
    except ValueError as error:
        raise CorruptFile(
            found=str(error),
            expected="parameters by hash, as JSON",
            where=f"{store.uri}/{path}",
            remedy="Delete the file; the fits are then repeated.",
        ) from error
    return cached, stored.etag


def _add(store: Store, path: str, fits: dict[str, Parameters]) -> dict[str, Parameters]:
    for _ in range(_TRIES):
        cached, etag = _read(store, path)
        merged = cached | fits
        if store.objects.put_if(path, as_json(merged), etag):
            return merged
    raise StoreUnavailable(
        found=f"{_TRIES} write conflicts",
        expected="a successful conditional write",
        where=f"{store.uri}/{path}",
        remedy="Stop the other writers, or retry later.",
    )
