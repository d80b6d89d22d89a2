"""What a brief may quote: passages of documents and rows of tables, and an index to find them."""

from volcast.brief.corpus.index import Changes, Index, open_index
from volcast.brief.corpus.passages import Hit, Passage, Scored, Source

__all__ = ["Changes", "Hit", "Index", "Passage", "Scored", "Source", "open_index"]
