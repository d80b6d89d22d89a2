"""Which image runs which step."""

import os

__all__ = ["IMAGES", "image"]

IMAGES = {
    "ingest": "data",
    "validate": "data",
    "features": "data",
    "audit_features": "data",
    "labels": "data",
    "train": "model",
    "evaluate": "model",
    "survey": "model",
    "gate": "model",
    "promote": "model",
    "shadow": "model",
    "materialize": "data",
    "infer": "model",
    "audit_predictions": "data",
    "publish": "model",
    "drift": "drift",
    "score": "model",
    "retrain": "model",
    "record": "model",
}
"""Image name by step; each image installs only what its steps import."""


def image(step: str) -> str:
    """Return the image reference of ``step``.

    ``VOLCAST_IMAGE_REPOSITORY`` (with its registry) and ``VOLCAST_IMAGE_TAG`` are read when the
    pipelines are compiled; the committed YAML is compiled without them.
    """
    repository = os.environ.get("VOLCAST_IMAGE_REPOSITORY", "volcast")
    tag = os.environ.get("VOLCAST_IMAGE_TAG", "latest")
    return f"{repository}/{IMAGES[step]}:{tag}"
