"""Validation of market data: what is broken is kept out, and what is broken at its core stops."""

from volcast.quality.run import TABLE_BOUNDS, ValidationReport, validate

__all__ = ["TABLE_BOUNDS", "ValidationReport", "validate"]
