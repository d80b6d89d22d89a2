"""Fitted parameters kept in the store, by the hash of what they were fitted on.

A fit that costs seconds and depends on rows that no longer change is done once; whatever is read
here is what a fit on the same rows would give. Removing the files costs time and nothing else.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from volcast.core.errors import CorruptFile, StoreUnavailable
from volcast.core.hashing import as_json
from volcast.store import Store

__all__ = ["Parameters", "fitted"]

Parameters = Mapping[str, Any]
"""One fit's parameters, as JSON has them."""

_TRIES = 20


def fitted(
    store: Store, name: str, wanted: Sequence[str],
    fit: Callable[[Sequence[str]], Iterable[Parameters]],
) -> dict[str, Parameters]:  # fmt: skip
    """Return the parameters of each wanted fit, from the store where they are there.

    Parameters
    ----------
    store : Store
        Keeps them under ``fits/<name>.json``.
    name : str
        Of the kind of fit and its series, such as ``garch/SPY``.
    wanted : sequence of str
        A hash each, of everything the fit depends on: rows, model, library version.
    fit : callable
        Given the hashes that are missing, in order, returns the parameters of each.

    Raises
    ------
    CorruptFile
        If the file kept cannot be read.
    """
    kept = _read(store, name)[0]
    missing = [key for key in dict.fromkeys(wanted) if key not in kept]
    if missing:
        new = dict(zip(missing, fit(missing), strict=True))
        kept = _add(store, name, new)
    return {key: kept[key] for key in wanted}


def _read(store: Store, name: str) -> tuple[dict[str, Parameters], str | None]:
    stored = store.objects.get_or_none(_key(name))
    if stored is None:
        return {}, None
    try:
        kept = json.loads(stored.data)
        if not isinstance(kept, dict):
            raise ValueError(f"a {type(kept).__name__}")
    except ValueError as error:
        raise CorruptFile(
            found=str(error), expected="parameters by hash, as JSON",
            where=f"{store.uri}/{_key(name)}",
            remedy="Remove the file: the fits are then made again.",
        ) from error  # fmt: skip
    return kept, stored.etag


def _add(store: Store, name: str, new: dict[str, Parameters]) -> dict[str, Parameters]:
    for _ in range(_TRIES):
        kept, etag = _read(store, name)
        whole = kept | new
        if store.objects.put_if(_key(name), as_json(whole), etag):
            return whole
    raise StoreUnavailable(
        found=f"{_TRIES} swaps lost to other writers", expected="a turn to write",
        where=f"{store.uri}/{_key(name)}", remedy="Stop the other writers, or retry later.",
    )  # fmt: skip


def _key(name: str) -> str:
    return f"fits/{name}.json"
