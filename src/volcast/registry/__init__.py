"""The registry: immutable versions, champion and challenger, their moves; MLflow mirrors them."""

from volcast.registry.mlflow import sync
from volcast.registry.pointer import Event, challenger_pointer, champion_pointer, history, roles
from volcast.registry.promotion import (
    challenge,
    challenger,
    champion,
    named_champion,
    promote,
    register,
    require_own_target,
    retire,
    rollback,
    symbol_of,
    verify,
)
from volcast.registry.versions import VERSION_FILES, Champion, Version, find, list_versions

__all__ = [
    "VERSION_FILES",
    "Champion",
    "Event",
    "Version",
    "challenge",
    "challenger",
    "challenger_pointer",
    "champion",
    "champion_pointer",
    "find",
    "history",
    "list_versions",
    "named_champion",
    "promote",
    "register",
    "require_own_target",
    "retire",
    "roles",
    "rollback",
    "symbol_of",
    "sync",
    "verify",
]
