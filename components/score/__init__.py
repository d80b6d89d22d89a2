"""The score step."""
