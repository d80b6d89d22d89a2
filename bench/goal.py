"""A number that a benchmark must reach."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Goal"]


@dataclass(frozen=True)
class Goal:
    """One number with a bound."""

    what: str
    value: float
    sign: Literal["<=", ">=", "<"]
    bound: float

    @property
    def met(self) -> bool:
        """Whether the number keeps to the bound; one that is no number does not."""
        if self.sign == "<=":
            return self.value <= self.bound
        if self.sign == "<":
            return self.value < self.bound
        return self.value >= self.bound

    @property
    def verdict(self) -> str:
        """Met, or not met."""
        return "met" if self.met else "not met"

    @property
    def line(self) -> tuple[str, str]:
        """What must be reached, and the value with its verdict, for a table of two columns."""
        return f"{self.what} {self.sign} {self.bound:g}", f"{self.value:g}, {self.verdict}"
