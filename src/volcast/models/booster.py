"""XGBoost, imported without scikit-learn."""

import sys
from typing import Any

__all__ = ["import_xgboost"]


def import_xgboost() -> Any:
    """Import xgboost; where it is imported already, return it.

    XGBoost imports scikit-learn wherever that is installed, for wrappers that nothing here uses,
    at four fifths of the time of its own import, in every process that forecasts.
    """
    if "xgboost" in sys.modules or "sklearn" in sys.modules:
        import xgboost

        return xgboost
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import xgboost
    finally:
        del sys.modules["sklearn"]
    return xgboost
