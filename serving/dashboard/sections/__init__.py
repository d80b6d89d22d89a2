"""The page's sections, one module each; each draws itself for a `Reader`."""

__all__: list[str] = []
