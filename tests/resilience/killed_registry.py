"""Kill moves of champion and challenger at random points; print every fault afterwards.

Run as ``python -m tests.resilience.killed_registry FOLDER SEQUENCES``. Each sequence makes four
random moves in a fresh registry of four versions, and kills some: half of them by SIGKILL
of a forked child, at a random call that changes a file, the others by a store that dies before or
after a random operation. After a kill the state must be that before the move or after it, by a
plain model of what each move means.
"""

import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

# Read at import: OpenMP's threads must not be carried into a fork.
os.environ["OMP_NUM_THREADS"] = "1"

from tests.runs import AUDIT, put_run
from volcast import registry
from volcast.core.errors import ConfigError, ModelError, NotFound, VolcastError
from volcast.store import Store

VERSIONS = ("1", "2", "3", "4")
CALLS = {"open", "write", "fsync", "replace", "unlink", "link", "rename"}
MOST_CALLS = 80
MOST_OPERATIONS = 25
Move = tuple[str, str | None]


class Killed(BaseException):
    """What no program can catch by mistake."""


@dataclass(frozen=True)
class Expected:
    """What the pointers must name, and what a rollback goes back to."""

    champion: str | None = None
    challenger: str | None = None
    over: tuple[tuple[str | None, str], ...] = field(default=())
    crowned: frozenset[str] = frozenset()

    def after(self, move: Move) -> "Expected | type[VolcastError]":
        kind, version = move
        if kind in ("promote", "rollback"):
            return self._crowned(kind, version)
        if kind == "challenge":
            if self.champion is None:
                return ModelError
            return ConfigError if version == self.champion else replace(self, challenger=version)
        return NotFound if self.challenger is None else replace(self, challenger=None)

    def _crowned(self, kind: str, version: str | None) -> "Expected | type[VolcastError]":
        over = self.over
        if kind == "promote" and version != self.champion:
            over = (*over, (self.champion, str(version)))
        if kind == "rollback" and version is None:
            version = next(
                (old for old, new in reversed(over) if new == self.champion and old), None
            )
        if version is None or (kind == "rollback" and version not in self.crowned):
            return NotFound
        challenger = None if self.challenger == version else self.challenger
        return Expected(version, challenger, over, self.crowned | {version})


class DyingObjects:
    """Objects that die at an operation, before it is carried out or after."""

    def __init__(self, store: Store, at: int, before: bool) -> None:
        self.objects, self.left, self.before = store.objects, at, before

    def __getattr__(self, name: str) -> Any:
        carried_out = getattr(self.objects, name)
        if not callable(carried_out):
            return carried_out

        def operation(*arguments: Any) -> Any:
            self.left -= 1
            if self.left == 0 and self.before:
                raise Killed
            answer = carried_out(*arguments)
            if self.left == 0:
                raise Killed
            return answer

        return operation


def make(store: Store, move: Move) -> None:
    kind, version = move
    if kind == "rollback":
        registry.rollback(store, "SPY", to=version, **AUDIT)
    elif kind == "retire":
        registry.retire(store, "SPY", **AUDIT)
    else:
        getattr(registry, kind)(store, str(version), **AUDIT)


def make_and_die(store: Store, move: Move, draw: random.Random) -> bool:
    """Make the move on a store that dies; return whether it did."""
    dying = DyingObjects(store, draw.randint(1, MOST_OPERATIONS), draw.random() < 0.5)
    try:
        make(Store(store.uri, dying), move)
    except (Killed, VolcastError) as error:
        return isinstance(error, Killed)
    return False


def make_and_be_killed(store: Store, move: Move, draw: random.Random) -> bool:
    """Make the move in a child that SIGKILL may end; return whether it did."""
    left = draw.randint(1, MOST_CALLS)

    def count(_frame: FrameType, event: str, called: Any) -> None:
        nonlocal left
        if event.startswith("c_") and called.__name__ in CALLS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        try:
            sys.setprofile(count)
            make(store, move)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def state(store: Store) -> tuple[str | None, str | None]:
    champion, challenger = (
        registry.champion_pointer(store, "SPY"),
        registry.challenger_pointer(store, "SPY"),
    )
    return champion and champion.version, challenger and challenger.version


def faults(store: Store, expected: Expected) -> Iterator[str]:
    """Yield what is wrong with a registry that should be as expected."""
    if state(store) != (expected.champion, expected.challenger):
        yield "another state"
    for version in filter(None, state(store)):
        registry.verify(store, version)
    events = registry.history(store)
    crowning = [event.new for event in events if event.done and event.role == "champion"]
    if (crowning or [None])[-1] != expected.champion:
        yield "history ends elsewhere"
    if [event.number for event in events] != list(range(1, len(events) + 1)):
        yield "gap in the history"


def drawn(draw: random.Random) -> Move:
    kind = draw.choice(["promote", "promote", "rollback", "challenge", "challenge", "retire"])
    if kind == "retire" or (kind == "rollback" and draw.random() < 0.5):
        return kind, None
    return kind, draw.choice(VERSIONS)


def run(store: Store, seed: int, killer: Any) -> Iterator[str]:
    """Yield each fault of a sequence, and for each kill whether the move took effect."""
    draw, expected = random.Random(seed), Expected()
    for _ in range(4):
        move = drawn(draw)
        after = expected.after(move)
        if draw.random() < 0.5:
            before, killed = expected, killer(store, move, draw)
            # Cut short or not: the state must be that before the move or after.
            if isinstance(after, Expected) and state(store) == (after.champion, after.challenger):
                expected = after
            if killed:
                yield "killed after" if expected != before else "killed before"
        else:
            expected, fault = unkilled(store, move, expected)
            yield from fault
        yield from faults(store, expected)
    for move in (("promote", draw.choice(VERSIONS)), ("rollback", None)):
        expected, fault = unkilled(store, move, expected)
        yield from [*fault, *faults(store, expected)]


def unkilled(store: Store, move: Move, expected: Expected) -> tuple[Expected, list[str]]:
    """Make the move and return what is expected now, with a fault if it went otherwise."""
    after = expected.after(move)
    try:
        make(store, move)
    except VolcastError as error:
        return expected, [] if type(error) is after else [f"{move[0]}: {type(error).__name__}"]
    if isinstance(after, Expected):
        return after, []
    return expected, [f"{move[0]} did not fail"]


def main(folder: str, sequences: int) -> None:
    """Print the count of kills by kind, and every fault, as JSON."""
    store = Store.open(folder)
    for run_id in ("a", "b", "c", "d"):
        put_run(store, run_id)
        registry.register(store, run_id)
    kills, seen = Counter[str](), Counter[str]()
    for seed in range(sequences):
        for key in store.objects.list("registry/"):
            if key.endswith(".json") and "/versions/" not in key:
                store.objects.delete(key)
        real = seed % 2 == 0
        for event in run(store, seed, make_and_be_killed if real else make_and_die):
            if event.startswith("killed"):
                kills[f"{'SIGKILL' if real else 'store'}, {event}"] += 1
            else:
                seen[event] += 1
    print(json.dumps({"kills": kills, "faults": seen}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
