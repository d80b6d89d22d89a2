"""Spans that are told apart wherever skill is shown."""

from datetime import date

__all__ = ["PERIODS"]

PERIODS = {
    "2012-2018": (date(2012, 1, 1), date(2018, 12, 31)),
    "2019-2021": (date(2019, 1, 1), date(2021, 12, 31)),
}
"""The recipe was chosen on data up to 2018; what came later confirms or refutes it."""
