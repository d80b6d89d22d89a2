"""The labels step."""
