"""Features: their definitions as data, and one vectorised computation of all of them."""

from volcast.features.catalog import FEATURES, Feature, names

__all__ = ["FEATURES", "Feature", "names"]
