"""The dashboard: what the store says today, as one page in a browser."""

__all__: list[str] = []
