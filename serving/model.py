"""The KServe model: what is in service, as KServe's routes for readiness and metadata see it."""

from kserve import Model

from serving.state import InService
from serving.verbs import OUTPUTS
from volcast.registry.versions import NAME

__all__ = ["VolcastModel"]


class VolcastModel(Model):  # type: ignore[misc]
    """One model that holds one frozen picture of what is in service."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.state = InService(None, {}, {})

    def adopt(self, state: InService) -> None:
        """Serve ``state`` from the next request on."""
        self.state = state
        self.ready = state.champion is not None

    def load(self) -> bool:
        """Say whether a champion is in service; the follower is what loads."""
        return bool(self.ready)

    def get_input_types(self) -> list[dict[str, object]]:
        """Return the signature, one input a feature."""
        names = self.state.signature.names
        return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in names]

    def get_output_types(self) -> list[dict[str, object]]:
        """Return the V2 outputs."""
        return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in OUTPUTS]
