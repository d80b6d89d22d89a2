"""Documents dropped into the store, and the index that finds their passages."""

from volcast.brief.corpus.index import Hit, Passage

__all__ = ["Hit", "Passage"]
