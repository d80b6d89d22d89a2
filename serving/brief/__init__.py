"""The brief over HTTP: the day's brief, answers to questions, and the source of a citation."""

__all__: list[str] = []
