"""The champion as a card: what it is, how it was judged; the versions, and how they moved."""

from dataclasses import dataclass

from volcast.monitoring.status.words import Missing
from volcast.registry import Event, Version, champion_pointer, history, list_versions, roles
from volcast.registry.run_files import Lineage, Metrics, newest_refusal
from volcast.store import Store

__all__ = ["ModelCard", "first_step", "model_card"]


@dataclass(frozen=True)
class ModelCard:
    """The champion with the metrics and lineage of its run, and all versions.

    Parameters
    ----------
    roles : dict of str to str
        Role by version, of those that have one.
    versions, moves : tuple
        Newest first; moves are promotions, rollbacks and challenges, carried out or not.
    """

    champion: Version
    metrics: Metrics
    lineage: Lineage
    versions: tuple[Version, ...]
    roles: dict[str, str]
    moves: tuple[Event, ...]


def model_card(store: Store, symbol: str) -> ModelCard | Missing:
    """Return the card of a symbol's champion.

    Raises
    ------
    ModelError
        If the registry cannot be read.
    KeyMissing, CorruptFile
        If the champion's files are gone, or cannot be read.
    """
    champion = champion_pointer(store, symbol)
    if champion is None:
        usual = "Train a first one: `make run`, or `volcast train`."
        return Missing(f"There is no champion of {symbol}.", first_step(store, symbol, usual))
    names = [f"{champion.uri}{name}.json" for name in ("metrics", "lineage")]
    metrics, lineage = (store.objects.get(name) for name in names)
    return ModelCard(
        champion=champion,
        metrics=Metrics.from_bytes(metrics, names[0]),
        lineage=Lineage.from_bytes(lineage, names[1]),
        versions=tuple(sorted(list_versions(store), key=lambda version: -int(version.version))),
        roles=roles(store),
        moves=tuple(sorted(history(store), key=lambda event: -event.number)),
    )


def first_step(store: Store, symbol: str, usual: str) -> str:
    """Return what to do without a champion of a symbol: why the gate refused one, or ``usual``."""
    decision = None if champion_pointer(store, symbol) else newest_refusal(store, symbol)
    if decision is None:
        return usual
    return " ".join(["The gate refused the newest model.", *decision.refusals])
