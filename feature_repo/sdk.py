"""Feast itself, imported without the check of its own arguments, half of its import time."""

from typing import Any
from unittest.mock import patch

__all__ = ["feast"]


def _unchanged(target: Any = None, **_: Any) -> Any:
    return target if target is not None else _unchanged


# typeguard would recompile every class of Feast.
with patch("typeguard.typechecked", _unchanged):
    import feast
    import feast.infra.online_stores.sqlite
