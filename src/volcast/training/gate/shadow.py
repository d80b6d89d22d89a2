"""What becomes of a new recipe that was refused for want of proof: it runs in the shadow."""

from datetime import datetime

from volcast import registry
from volcast.registry import Version
from volcast.store import Store
from volcast.training.gate.verdict import judge

__all__ = ["take_as_challenger"]


def take_as_challenger(store: Store, run_id: str, *, who: str, when: datetime) -> Version | None:
    """Register a run and make it the challenger, if the gate calls it unproven.

    Parameters
    ----------
    store : Store
    run_id : str
        A run that was refused; it is judged again, and may have been refused for anything.
    who : str
        For the audit trail.
    when : datetime
        Timezone-aware.

    Returns
    -------
    Version or None
        The challenger, or None if something else than proof was wanting.
    """
    if not judge(store, run_id).unproven:
        return None
    version = registry.register(store, run_id)
    why = f"run {run_id[:12]} was not shown to be better"
    return registry.challenge(store, version.version, who=who, why=why, when=when)
