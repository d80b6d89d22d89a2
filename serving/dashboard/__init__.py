"""The dashboard: the state of the store, as one page in a browser."""

__all__: list[str] = []
