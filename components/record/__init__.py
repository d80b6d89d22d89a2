"""The record step."""
