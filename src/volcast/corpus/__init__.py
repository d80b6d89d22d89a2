"""What a brief may quote: passages of documents and rows of tables, and an index to find them."""

from volcast.corpus.passages import Hit, Passage, Scored, Source

__all__ = ["Hit", "Passage", "Scored", "Source"]
