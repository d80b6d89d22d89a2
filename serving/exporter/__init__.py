"""Shows the store's tables as metrics, for Prometheus."""

__all__: list[str] = []
