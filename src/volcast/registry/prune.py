"""Removal of training runs that led to no version and are no longer among the newest."""

from volcast.registry import list_versions
from volcast.registry.run_files import Lineage
from volcast.store import Store

__all__ = ["prune"]

_COMPLETE = "complete.json"


def prune(store: Store, keep: int) -> list[str]:
    """Remove runs under ``runs/``, and return their ids, oldest first.

    A run stays if a version came from it, if it is not whole (it may be under way), or if it is
    among the ``keep`` newest by the session trained up to. Versions have files of their own and
    are not touched. A removed run can be trained again.

    Parameters
    ----------
    keep : int
        Of the runs that could go.

    Raises
    ------
    ModelError, CorruptFile
        If a version or a run cannot be read; nothing is removed then.
    """
    files: dict[str, list[str]] = {}
    for key in store.objects.list("runs/"):
        files.setdefault(key.split("/")[1], []).append(key)
    registered = {version.run_id for version in list_versions(store)}
    whole = [run for run in files if f"runs/{run}/{_COMPLETE}" in files[run]]
    loose = sorted((_trained_to(store, run), run) for run in whole if run not in registered)
    gone = [run for _, run in loose[: max(len(loose) - keep, 0)]]
    for run in gone:
        # First what makes it whole: a kill in between leaves a run that is made again.
        for key in sorted(files[run], key=lambda key: not key.endswith(f"/{_COMPLETE}")):
            store.objects.delete(key)
    return gone


def _trained_to(store: Store, run: str) -> str:
    key = f"runs/{run}/lineage.json"
    return str(Lineage.from_bytes(store.objects.get(key), key).as_of)
