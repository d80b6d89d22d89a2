"""The argument of every section."""

from dataclasses import dataclass

from volcast.core.settings import Universe

__all__ = ["Reader"]


@dataclass(frozen=True)
class Reader:
    """Whose facts are shown, and to whom.

    Parameters
    ----------
    uri : str
        Of the store.
    universe : Universe
    symbol : str
    dark : bool
        Whether the page is dark.
    """

    uri: str
    universe: Universe
    symbol: str
    dark: bool
