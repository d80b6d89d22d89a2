"""Shows what the store's tables say as metrics, for Prometheus."""

__all__: list[str] = []
