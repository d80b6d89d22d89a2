"""That something is not there yet."""

from dataclasses import dataclass

__all__ = ["Missing"]


@dataclass(frozen=True)
class Missing:
    """What is not in the store, and what brings it.

    Parameters
    ----------
    what : str
        A sentence.
    remedy : str
        A sentence.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"
