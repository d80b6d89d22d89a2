"""Fitted parameters cached in the store, by the hash of what they were fitted on.

A cached entry equals what a fit on the same rows would give; deleting the files costs only time.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from volcast.core.errors import StoreUnavailable
from volcast.core.hashing import as_json, parsed
from volcast.store.store import Store

__all__ = ["Parameters", "get_or_fit"]

Parameters = Mapping[str, Any]
"""One fit's parameters, as JSON has them."""


def get_or_fit(
    store: Store,
    name: str,
    keys: Sequence[str],
    fit: Callable[[Sequence[str]], Iterable[Parameters]],
) -> dict[str, Parameters]:
    """Return the parameters under each key, fitting those that are not cached, storing if possible.

    Parameters
    ----------
    name : str
        The kind of fit and its series, such as ``garch/SPY``; cached in ``fits/<name>.json``.
    keys : sequence of str
        One hash per fit, of everything it depends on: rows, model, library version.
    fit : callable
        Takes the keys that are not cached, in order, and returns the parameters of each.

    Raises
    ------
    CorruptFile
        If the cached file cannot be read.
    """
    path = f"fits/{name}.json"
    stored = store.objects.get_or_none(path)
    cached = _read(stored.data if stored else None, f"{store.uri}/{path}")
    missing = [key for key in dict.fromkeys(keys) if key not in cached]
    if missing:
        fits = dict(zip(missing, fit(missing), strict=True))

        def add(data: bytes | None) -> tuple[bytes, dict[str, Parameters]]:
            merged = _read(data, f"{store.uri}/{path}") | fits
            return as_json(merged), merged

        try:
            cached = store.update(path, add)
        except StoreUnavailable:
            # What only reads works in a store that it may not write to; it fits again next time.
            cached |= fits
    return {key: cached[key] for key in keys}


def _read(data: bytes | None, where: str) -> dict[str, Parameters]:
    if data is None:
        return {}
    remedy = "Delete the file; the fits are then repeated."
    return parsed(lambda content: dict(**json.loads(content)), data, where, remedy=remedy)
