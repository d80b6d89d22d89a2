"""The universe of a store, kept next to its tables for later commands."""

from typing import TYPE_CHECKING

from volcast.core.errors import ContractError, NotFound
from volcast.core.hashing import parsed
from volcast.store import Store

if TYPE_CHECKING:
    from volcast.core.settings import Settings, Universe

__all__ = ["recall", "recall_or_none", "remember", "universe_of"]

_KEY = "universe.json"


def remember(store: Store, universe: "Universe") -> None:
    """Store ``universe`` as the store's; an equal one is not written again."""
    data = (universe.model_dump_json(indent=1) + "\n").encode()
    stored = store.objects.get_or_none(_KEY)
    if stored is None or stored.data != data:
        store.objects.put(_KEY, data)


def recall(store: Store) -> "Universe":
    """Return the store's universe.

    Raises
    ------
    NotFound
        If nothing was ever ingested into the store.
    ContractError
        If the file is not a universe.
    """
    universe = recall_or_none(store)
    if universe is None:
        raise NotFound(
            found="an empty store", expected="a store that was ingested into", where=store.uri,
            remedy="Run `volcast ingest` first, or use the right --store.",
        )  # fmt: skip
    return universe


def recall_or_none(store: Store) -> "Universe | None":
    """Return the store's universe, None if nothing was ever ingested; raise as `recall` does."""
    # The drift check imports this module in an environment with pydantic 1.
    from volcast.core.settings import Universe

    stored = store.objects.get_or_none(_KEY)
    if stored is None:
        return None
    return parsed(
        Universe.model_validate_json,
        stored.data,
        f"{store.uri}/{_KEY}",
        error=ContractError,
        remedy="Remove the file and ingest again.",
    )


def universe_of(store: Store, settings: "Settings") -> "Universe":
    """Return the universe to ingest: that of the settings, else the store's, else the source's."""
    return settings.universe or recall_or_none(store) or settings.resolved_universe
