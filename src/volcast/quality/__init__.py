"""Validation of data: what is broken is kept out, and what is broken at its core stops."""

from volcast.quality.run import ValidationReport, validate

__all__ = ["ValidationReport", "validate"]
