"""volcast forecasts the realized volatility of the next five sessions."""

__version__ = "0.1.0"
__all__ = ["__version__"]
