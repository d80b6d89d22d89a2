"""Import libraries without what they would load for parts of them that volcast does not use."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

__all__ = ["trim_imports", "without"]

_UNUSED: dict[str, dict[str, Sequence[str]]] = {
    # For databases and for checks of distributions: half of the time, and 120 MB.
    "great_expectations": {
        "absent": ("boto3", "botocore", "google", "sqlalchemy"),
        "placeholders": ("altair", "scipy.stats"),
    },
    # For pictures in a notebook: half of the time, where it is installed.
    "shap": {"absent": ("IPython",)},
    # For estimators of its interface: four fifths of the time.
    "xgboost": {"absent": ("sklearn",)},
}


def trim_imports() -> None:
    """Import these libraries without what volcast does not use, from now on in this process.

    It is for processes of volcast's own: others may need the rest of them.
    """
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


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


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, _: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name in _UNUSED else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _TrimmingLoader(name, spec.loader.path)
        return spec


class _TrimmingLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with without(**_UNUSED[module.__name__]):
            super().exec_module(module)


class _PlaceholderModule(ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Placeholder


class _Placeholder:
    def __init__(self, *_: object, **__: object) -> None: ...

    def __call__(self, function: Any) -> Any:
        return function
