"""The registry: immutable versions, the champion pointer, the audit trail, MLflow beside them."""

from volcast.registry.mlflow_log import mlflow_uri
from volcast.registry.pointer import Event, champion_pointer, history
from volcast.registry.promotion import champion, promote, register, rollback, verify
from volcast.registry.versions import VERSION_FILES, Champion, Version, list_versions

__all__ = [
    "VERSION_FILES",
    "Champion",
    "Event",
    "Version",
    "champion",
    "champion_pointer",
    "history",
    "list_versions",
    "mlflow_uri",
    "promote",
    "register",
    "rollback",
    "verify",
]
