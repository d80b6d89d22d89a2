"""The infer step."""
