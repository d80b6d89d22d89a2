"""The page's sections, one module each; each is given a `Reader` and draws itself."""

__all__: list[str] = []
