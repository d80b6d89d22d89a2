"""The retrain step."""
