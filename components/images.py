"""Which image runs which step."""

import os

__all__ = ["IMAGES", "image"]

IMAGES = {
    "ingest": "data",
    "validate": "quality",
    "features": "data",
    "audit_features": "quality",
    "labels": "data",
    "train": "train",
    "evaluate": "train",
    "survey": "train",
    "gate": "train",
    "promote": "train",
    "shadow": "train",
    "materialize": "features",
    "infer": "infer",
    "audit_predictions": "quality",
    "publish": "infer",
    "drift": "drift",
    "score": "infer",
    "retrain": "infer",
    "record": "infer",
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
