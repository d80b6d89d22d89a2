"""The brief over HTTP: the day's brief, answers to questions, and what a citation stands for."""

__all__: list[str] = []
