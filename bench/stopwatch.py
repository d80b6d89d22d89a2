"""Wall time by step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Stopwatch"]


class Stopwatch:
    """Milliseconds by step, in the order they were taken."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str, times: int = 1) -> Iterator[None]:
        """Time the block; where it does its work so many times, the share of one."""
        start = time.perf_counter()
        yield
        self.milliseconds[step] = round(1000 * (time.perf_counter() - start) / times, 3)
