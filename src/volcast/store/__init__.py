"""The store: contract tables and plain objects, in a local folder or under s3://."""

from volcast.store.objects import Objects, Stored
from volcast.store.partition import WriteReport
from volcast.store.store import Store

__all__ = ["Objects", "Store", "Stored", "WriteReport"]
