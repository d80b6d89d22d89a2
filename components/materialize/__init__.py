"""The materialize step."""
