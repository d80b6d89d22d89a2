"""Shows the store's tables as metrics, for Prometheus."""
