"""The champion as a card: what it is, how it was judged; the versions, and how they moved."""

import json
from dataclasses import dataclass
from typing import Any

from volcast.core.errors import CorruptFile
from volcast.monitoring.status.missing import Missing
from volcast.registry import Event, Version, champion_pointer, history, list_versions, roles
from volcast.store import Store

__all__ = ["ModelCard", "model_card"]


@dataclass(frozen=True)
class ModelCard:
    """What is known of the champion, and of all versions.

    Parameters
    ----------
    champion : Version
    metrics, lineage : dict
        Its run's metrics.json and lineage.json.
    versions : tuple of Version
        Newest first.
    roles : dict of str to str
        Role by version, of those that have one.
    moves : tuple of Event
        Promotions, rollbacks, challenges; newest first, those not carried out included.
    """

    champion: Version
    metrics: dict[str, Any]
    lineage: dict[str, Any]
    versions: tuple[Version, ...]
    roles: dict[str, str]
    moves: tuple[Event, ...]


def model_card(store: Store) -> ModelCard | Missing:
    """Return the champion's card.

    Raises
    ------
    ModelError
        If the registry cannot be read.
    KeyMissing
        If the champion's files are gone.
    CorruptFile
        If they are no JSON.
    """
    champion = champion_pointer(store)
    if champion is None:
        return Missing(
            "There is no champion.", "Train a first one: `make run`, or `volcast train`."
        )
    read = {name: _read(store, f"{champion.uri}{name}.json") for name in ("metrics", "lineage")}
    versions = sorted(list_versions(store), key=lambda version: -int(version.version))
    moves = sorted(history(store), key=lambda event: -event.number)
    return ModelCard(
        champion, read["metrics"], read["lineage"], tuple(versions), roles(store), tuple(moves)
    )


def _read(store: Store, key: str) -> dict[str, Any]:
    data = store.objects.get(key)
    try:
        read = json.loads(data)
    except ValueError as error:
        raise CorruptFile(
            found=f"a file that cannot be read ({error})", expected="JSON",
            where=f"{store.uri}/{key}",
            remedy="Restore it from a backup, or roll back: `volcast registry rollback`.",
        ) from error  # fmt: skip
    if not isinstance(read, dict):
        raise CorruptFile(
            found=f"a JSON {type(read).__name__}", expected="a JSON object",
            where=f"{store.uri}/{key}",
            remedy="Restore it from a backup, or roll back: `volcast registry rollback`.",
        )  # fmt: skip
    return read
