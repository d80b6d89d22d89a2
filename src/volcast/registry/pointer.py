"""The champion pointer, the one thing that decides what is served, and the trail of its moves.

An event is written before the pointer moves and the pointer names its event, so a kill between
the two leaves the old champion in place and an event that history shows as not carried out.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from volcast.errors import ContractError, StoreUnavailable
from volcast.lineage import as_json
from volcast.registry.versions import Version, parsed
from volcast.storage import Store

__all__ = ["Event", "Move", "champion_pointer", "history", "move"]

_POINTER = "registry/champion.json"
_AUDIT = "registry/audit/"

Move = Literal["promote", "rollback"]


@dataclass(frozen=True)
class Event:
    """One move of the champion pointer.

    Parameters
    ----------
    number, previous : int
        Its place in the trail, and that of the event it follows; 0 before the first.
    kind : {"promote", "rollback"}
    old, new : str or None
        The versions that it moved from and to.
    who, why : str
    when : str
        ISO timestamp in UTC.
    done : bool
        False if the pointer never moved: the step was killed, or another was first.
    """

    number: int
    previous: int
    kind: Move
    old: str | None
    new: str
    who: str
    why: str
    when: str
    done: bool = True


@dataclass(frozen=True)
class _Pointer:
    version: Version | None
    event: int
    etag: str | None


def champion_pointer(store: Store) -> Version | None:
    """Return the version that the pointer names, unchecked; None before the first promotion.

    Raises
    ------
    ModelError
        If the pointer cannot be read.
    """
    return _read(store).version


def move(store: Store, version: Version, kind: Move, *, who: str, why: str, when: datetime) -> None:
    """Make ``version`` the champion: write the event, then swap the pointer.

    Raises
    ------
    StoreUnavailable
        If another process moved the pointer meanwhile; nothing has changed then.
    """
    if when.tzinfo is None:
        raise ContractError(
            found=f"naive time {when}",
            expected="a timezone-aware time",
            where="registry audit",
            remedy="Pass a time in UTC.",
        )
    pointer = _read(store)
    old = None if pointer.version is None else pointer.version.version
    number = len(store.objects.list(_AUDIT)) + 1
    stamp = when.astimezone(UTC).isoformat()
    event = Event(number, pointer.event, kind, old, version.version, who, why, stamp)
    while not store.objects.put_if(f"{_AUDIT}{event.number:06d}.json", _stored(event), None):
        event = replace(event, number=event.number + 1)
    swapped = as_json(asdict(version) | {"event": event.number})
    if not store.objects.put_if(_POINTER, swapped, pointer.etag):
        raise StoreUnavailable(
            found="the champion moved by another process meanwhile",
            expected=f"version {old} still in place",
            where=_POINTER,
            remedy="Judge again against the new champion, then run the step again.",
        )


def history(store: Store) -> list[Event]:
    """Return every move of the pointer, oldest first.

    Raises
    ------
    ModelError
        If the pointer or an event cannot be read.
    """
    events = {}
    for key in store.objects.list(_AUDIT):
        event = parsed(lambda content: Event(**json.loads(content)), store.objects.get(key), key)
        events[event.number] = event
    carried_out, number = set(), _read(store).event
    while number in events:
        carried_out.add(number)
        number = events[number].previous
    return [replace(events[n], done=n in carried_out) for n in sorted(events)]


def _read(store: Store) -> _Pointer:
    stored = store.objects.get_or_none(_POINTER)
    if stored is None:
        return _Pointer(None, 0, None)
    return parsed(lambda content: _pointer(content, stored.etag), stored.data, _POINTER)


def _pointer(content: bytes, etag: str) -> _Pointer:
    fields = json.loads(content)
    return _Pointer(event=fields.pop("event"), version=Version(**fields), etag=etag)


def _stored(event: Event) -> bytes:
    return as_json({name: value for name, value in asdict(event).items() if name != "done"})
