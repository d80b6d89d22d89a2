"""The feature store: Feast over the contract tables, which it reads and never writes.

Importing this package imports Feast, which costs seconds: do so inside the function that needs it.
"""

from typing import Any
from unittest.mock import patch

__all__: list[str] = []


def _unchanged(target: Any = None, **_: Any) -> Any:
    return target if target is not None else _unchanged


# Half of Feast's import time is typeguard, which recompiles its classes to check arguments.
with patch("typeguard.typechecked", _unchanged):
    import feast  # noqa: F401
