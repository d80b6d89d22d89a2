"""volcast forecasts the realized volatility of the next five sessions.

`forecast` and `evaluate` take tables of prices; the command line and the pipelines work on a store.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from volcast.api import Evaluation, Forecast, evaluate, forecast, sample

__version__ = "0.1.0"
__all__ = ["Evaluation", "Forecast", "__version__", "evaluate", "forecast", "sample"]


def __getattr__(name: str) -> Any:
    # Imported when used: the command line and the steps do without, and start sooner.
    if name in __all__:
        return getattr(import_module("volcast.api"), name)
    raise AttributeError(f"module 'volcast' has no attribute {name!r}")
