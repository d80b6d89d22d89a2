"""Import a library without what it would load for parts of it that are not used."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

__all__ = ["without"]


@contextmanager
def without(absent: Sequence[str] = (), placeholders: Sequence[str] = ()) -> Iterator[None]:
    """Keep modules from being imported in the body; those imported before it stay.

    Parameters
    ----------
    absent : sequence of str
        Cannot be imported, as if they were not installed.
    placeholders : sequence of str
        Can be, but each of their names is a class without methods, usable as a decorator.
    """
    hidden: dict[str, Any] = dict.fromkeys(absent)
    hidden |= {name: _PlaceholderModule(name) for name in placeholders}
    hidden = {name: module for name, module in hidden.items() if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


class _PlaceholderModule(ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Placeholder


class _Placeholder:
    def __init__(self, *_: object, **__: object) -> None: ...

    def __call__(self, function: Any) -> Any:
        return function
