"""Validation of data: what is broken is kept out, and what is broken at its core stops."""

from volcast.data.checks.audit import AuditReport, audit_features, audit_predictions
from volcast.data.checks.run import ValidationReport, validate

__all__ = ["AuditReport", "ValidationReport", "audit_features", "audit_predictions", "validate"]
