"""Which role of the cloud account runs which step: what a step may touch is its role's alone."""

__all__ = ["ROLES"]

ROLES = {
    "ingest": "ingest",
    "validate": "curate",
    "features": "features",
    "audit_features": "curate",
    "labels": "features",
    "train": "train",
    "evaluate": "train",
    "survey": "train",
    "gate": "train",
    "promote": "promote",
    "shadow": "promote",
    "materialize": "materialize",
    "infer": "infer",
    "audit_predictions": "curate",
    "publish": "infer",
    "drift": "drift",
    "score": "watch",
    "retrain": "watch",
    "record": "watch",
}
"""Role name by step; steps of one role read and write the same tables."""
