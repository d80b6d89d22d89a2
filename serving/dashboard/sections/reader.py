"""The argument of every section."""

from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from serving.dashboard.markup import notice
from volcast.core.settings import Universe
from volcast.monitoring.status import Missing

__all__ = ["Reader", "available"]

Facts = TypeVar("Facts")


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


def available(facts: Facts | Missing) -> Facts | None:
    """Return the facts of a section; where they are missing, show the notice and return None."""
    if isinstance(facts, Missing):
        st.html(notice("missing", str(facts)))
        return None
    return facts
