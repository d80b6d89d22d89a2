"""The KServe model: the served state, as KServe's routes for readiness and metadata need it."""

from kserve import Model

from serving.protocols import OUTPUTS
from serving.state import ServingState
from volcast.registry.versions import NAME

__all__ = ["VolcastModel"]


class VolcastModel(Model):  # type: ignore[misc]
    """One model with one immutable state, replaced as a whole."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.state = ServingState(None, {}, {})

    def adopt(self, state: ServingState) -> None:
        """Serve ``state`` from the next request on."""
        self.state = state
        self.ready = state.champion is not None

    def load(self) -> bool:
        """Return whether a champion is served; the watcher loads it."""
        return bool(self.ready)

    def get_input_types(self) -> list[dict[str, object]]:
        """Return the signature, one input per feature."""
        return _tensors(self.state.signature.names)

    def get_output_types(self) -> list[dict[str, object]]:
        """Return the V2 outputs."""
        return _tensors(OUTPUTS)


def _tensors(names: tuple[str, ...]) -> list[dict[str, object]]:
    return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in names]
