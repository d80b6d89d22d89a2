"""Which refused run becomes the challenger."""

from datetime import datetime

from volcast import registry
from volcast.registry import Version
from volcast.store import Store
from volcast.training.champion_forecasts import FeatureReader
from volcast.training.gate import decision_on

__all__ = ["take_as_challenger"]


def take_as_challenger(
    store: Store, run_id: str, read_features: FeatureReader, *, who: str, when: datetime
) -> Version | None:
    """Register a refused run and make it the challenger, if the gate's decision is "unproven".

    Parameters
    ----------
    store : Store
    run_id : str
        Its recorded decision is read, and made only if there is none.
    read_features : FeatureReader
        The one that training read with.
    who : str
        For the audit trail.
    when : datetime
        Timezone-aware.

    Returns
    -------
    Version or None
        The challenger, or None if the run was refused for another reason.
    """
    if not decision_on(store, run_id, read_features).unproven:
        return None
    version = registry.register(store, run_id)
    why = f"run {run_id[:12]} was not shown to be better"
    return registry.challenge(store, version.version, who=who, why=why, when=when)
