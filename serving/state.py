"""What the server serves: the champion, the symbols it answers for, their sessions and features."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from serving.lookup import FeatureRow
from serving.signature import Signature
from volcast.core.errors import ModelError
from volcast.models.intervals import BOUNDS
from volcast.registry import Champion

OUTPUTS = ("rv_5d", "log_variance", *BOUNDS)
"""The outputs of V2, in this order."""


@dataclass(frozen=True, eq=False)
class ServingState:
    """What is served at one moment, immutable; a request reads it once.

    The champion was verified. ``sessions`` are the present session of each symbol that is forecast,
    the store's target first; ``features`` the newest online features, None if there are none, of
    each that could be read.
    """

    champion: Champion | None
    sessions: Mapping[str, date]
    features: Mapping[str, FeatureRow | None]

    def same_as(self, other: "ServingState") -> bool:
        """Return whether ``other`` would answer every request alike."""
        same = self.champion is other.champion and self.features == other.features
        return same and list(self.sessions.items()) == list(other.sessions.items())

    @property
    def ready_champion(self) -> Champion:
        """The champion; ModelError if there is none."""
        if self.champion is None:
            raise ModelError(
                found="no champion", expected="a promoted and verified version",
                where="server", remedy="Run the train pipeline, or promote a version.",
            )  # fmt: skip
        return self.champion

    @cached_property
    def signature(self) -> Signature:
        """The champion's signature."""
        forecaster = self.ready_champion.forecaster
        return Signature(tuple(forecaster.signature), frozenset(forecaster.optional))


class VolcastModel:
    """What is served now."""

    def __init__(self) -> None:
        self.state = ServingState(None, {}, {})

    @property
    def ready(self) -> bool:
        """Whether a champion is served."""
        return self.state.champion is not None

    def adopt(self, state: ServingState) -> None:
        """Serve ``state``, as a whole, from the next request on."""
        self.state = state
