"""Errors, calendar, settings, hashing and logs: what every other package uses."""
