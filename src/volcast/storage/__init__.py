"""The store: contract tables and plain objects, in a local folder or under s3://."""

from volcast.storage.objects import Objects, Stored
from volcast.storage.store import Store, WriteReport

__all__ = ["Objects", "Store", "Stored", "WriteReport"]
