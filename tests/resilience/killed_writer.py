"""Kill a writer at seeded points, then read the table; print every fault.

Run as ``python -m tests.resilience.killed_writer TABLE FOLDER KILLS``. A child writes three batches
and reports each once it is stored. A profile hook counts each call that changes a file or takes
the lock and sends SIGKILL at the drawn count: the kills hit every step of a write, on a busy
machine as on an idle one.
"""

import gc
import hashlib
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from types import FrameType
from typing import Any

import pyarrow as pa

from tests.contract_rows import contract_rows, days
from volcast.core.errors import CorruptFile
from volcast.features.catalog import FEATURES_DAILY
from volcast.store import Store
from volcast.store.tables import TABLES, Table

CALLS = {"open", "write", "fsync", "close", "replace", "mkdir", "unlink", "flock", "__exit__"}
Rows = dict[tuple[object, ...], dict[str, object]]


def batches(table: Table) -> list[pa.Table]:
    """Return rows of two files, then more rows, then other values for some."""
    # A file a year, around the turn of one; of an append-only table, a file a symbol.
    symbols = ["SPY", "TLT"] if table.append_only else ["SPY"]
    turn = days(date(2020, 12, 24), 16)
    parts = ((0, turn[4:12]), (0, turn[:4] + turn[12:]), (1, turn[3:13]))
    return [table.conform(contract_rows(table, symbols, some, v)) for v, some in parts]


def by_key(table: Table, rows: pa.Table) -> Rows:
    """Return rows by their key."""
    return {tuple(row[name] for name in table.key): row for row in rows.to_pylist()}


def write(table: Table, uri: str, parts: list[pa.Table], report: int, kill_at: int) -> None:
    """Write each batch and report it; die at event ``kill_at``, or else report their count."""
    events = 0

    def count(_frame: FrameType, event: str, called: Any) -> None:
        nonlocal events
        if event.startswith("c_") and called.__name__ in CALLS:
            events += 1
            if events == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    store = Store.open(uri)
    sys.setprofile(count)
    for rows in parts:
        store.write(table, rows)
        os.write(report, b"stored\n")
    sys.setprofile(None)
    os.write(report, f"{events}\n".encode())


def forked(table: Table, uri: str, parts: list[pa.Table], kill_at: int) -> tuple[list[str], bool]:
    """Run ``write`` in a child; return its report and whether SIGKILL ended it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            write(table, uri, parts, writing, kill_at)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as report:
        lines = report.read().split()
    _, status = os.waitpid(child, 0)
    return lines, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def tree(uri: str) -> dict[str, str]:
    """Return the SHA-256 of each object."""
    objects = Store.open(uri).objects
    return {key: hashlib.sha256(objects.get(key)).hexdigest() for key in objects.list("")}


def faults(table: Table, read: pa.Table, before: Rows, after: Rows) -> Iterator[str]:
    """Yield what is wrong with rows read while the batch between two states was being written."""
    rows = by_key(table, read)
    yield from ["duplicate key"] * (len(read) - len(rows))
    yield from ["lost row"] * len(before.keys() - rows.keys())
    yield from ["row from nowhere"] * len(rows.keys() - after.keys())
    for _, part in table.partitions(read):
        some = by_key(table, part)
        old = {key: before[key] for key in some if key in before}
        new = {key: after[key] for key in some if key in after}
        if some not in (old, new):
            yield "file neither old nor new"


def trial(
    table: Table, uri: str, parts: list[pa.Table], states: list[Rows], kill_at: int
) -> tuple[int, list[str]]:
    """Kill one writer; return how many batches it had stored, and every fault a reader sees."""
    lines, killed = forked(table, uri, parts, kill_at)
    stored = lines.count("stored")
    seen = [] if killed else ["not killed"]
    try:
        rows = Store.open(uri).read(table)
    except CorruptFile:
        return stored, [*seen, "unreadable file"]
    after = states[min(stored + 1, len(parts))]
    seen += faults(table, rows, states[stored], after)
    return stored, seen


def main(name: str, folder: str, kills: int) -> None:
    """Print how many kills met how many stored batches, and every fault, as JSON."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    gc.disable()  # a collection in a child would copy every page that it shares
    table = (TABLES | {FEATURES_DAILY.name: FEATURES_DAILY})[name]
    parts = batches(table)
    states: list[Rows] = [{}]
    for rows in parts:
        states.append(states[-1] | by_key(table, rows))
    # What a process does once, such as describing a schema, is no step of each child's writes.
    warm = Store.open(f"{folder}/warm")
    for rows in parts:
        warm.write(table, rows)
    warm.read(table)
    lines, _ = forked(table, f"{folder}/undisturbed", parts, kill_at=0)
    undisturbed = tree(f"{folder}/undisturbed")
    points = random.Random(name).sample(range(1, int(lines[-1])), kills)
    stored, seen = Counter[int](), Counter[str]()
    for number, kill_at in enumerate(points):
        uri = f"{folder}/{number}"
        count, wrong = trial(table, uri, parts, states, kill_at)
        stored[count] += 1
        seen.update(wrong)
        if number % 4 == 0 and not wrong:  # not every time, for time's sake
            for rows in parts[count:]:
                Store.open(uri).write(table, rows)
            seen.update(["retry differs"] * (tree(uri) != undisturbed))
    print(json.dumps({"stored": stored, "faults": seen, "events": int(lines[-1])}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
