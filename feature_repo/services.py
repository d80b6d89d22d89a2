"""The feature service that training, daily inference and serving all read."""

from feast import FeatureService, FeatureView

__all__ = ["FORECAST", "forecast"]

FORECAST = "forecast"


def forecast(view: FeatureView) -> FeatureService:
    """Return the service of every feature; a model's signature picks its own by name."""
    return FeatureService(name=FORECAST, features=[view])
