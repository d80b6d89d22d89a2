"""The pointers to champion and challenger, and the trail of their moves.

The champion's alone decides what is served. An event is written before its pointer moves and the
pointer names its event, so a kill between the two leaves the pointer as it was and an event that
history shows as not carried out.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal

from volcast.core import calendar
from volcast.core.errors import ModelError, StoreUnavailable
from volcast.core.hashing import as_json, parsed
from volcast.registry.versions import Version
from volcast.store import Store

__all__ = [
    "Event",
    "Move",
    "Role",
    "challenger_pointer",
    "champion_pointer",
    "clear_challenger",
    "history",
    "move",
    "roles",
]

_AUDIT = "registry/audit/"

Move = Literal["promote", "rollback", "challenge", "retire"]
Role = Literal["champion", "challenger"]

_MOVED: Mapping[Move, Role] = {
    "promote": "champion",
    "rollback": "champion",
    "challenge": "challenger",
    "retire": "challenger",
}


@dataclass(frozen=True)
class Event:
    """One move of a pointer, from version ``old`` to ``new``.

    ``number`` is its place in the trail, ``previous`` that of the event before it on the same
    pointer, 0 for none; ``when`` is an ISO timestamp in UTC; ``done`` is false if the pointer never
    moved, because the step was killed or another was first.
    """

    number: int
    previous: int
    kind: Move
    old: str | None
    new: str | None
    who: str
    why: str
    when: str
    done: bool = True

    @property
    def role(self) -> Role:
        """Whose pointer it moved."""
        return _MOVED[self.kind]


@dataclass(frozen=True)
class _Pointer:
    version: Version | None
    event: int
    etag: str | None


def champion_pointer(store: Store) -> Version | None:
    """Return the version that is champion, unchecked; None before the first promotion.

    ModelError is raised if the pointer cannot be read, here and by all that reads it.
    """
    return _read(store, "champion").version


def challenger_pointer(store: Store) -> Version | None:
    """Return the version that challenges the champion, unchecked; None if none does.

    A challenger that was promoted is none, whether or not its pointer was cleared already.
    """
    version = _read(store, "challenger").version
    return None if version == champion_pointer(store) else version


def move(
    store: Store, version: Version | None, kind: Move, *, who: str, why: str, when: datetime
) -> None:
    """Make ``version`` champion or challenger, by ``kind``: write the event, swap the pointer.

    Raises
    ------
    StoreUnavailable
        If another process moved the pointer meanwhile; nothing has changed then.
    """
    role = _MOVED[kind]
    pointer = _read(store, role)
    old = None if pointer.version is None else pointer.version.version
    new = None if version is None else version.version
    stamp, number = calendar.utc(when).isoformat(), len(store.objects.list(_AUDIT)) + 1
    event = Event(number, pointer.event, kind, old, new, who, why, stamp)
    while not _append(store, event):
        event = replace(event, number=event.number + 1)
    named = {} if version is None else asdict(version)
    swapped = as_json(named | {"event": event.number})
    if not store.objects.put_if(_key(role), swapped, pointer.etag):
        raise StoreUnavailable(
            found=f"the {role} moved by another process meanwhile",
            expected="no champion" if old is None else f"version {old} still in place",
            where=_key(role),
            remedy="See `volcast registry history`, then judge and run the step again.",
        )


def _append(store: Store, event: Event) -> bool:
    fields = asdict(event)
    del fields["done"]
    return store.objects.put_if(f"{_AUDIT}{event.number:06d}.json", as_json(fields), None)


def clear_challenger(store: Store, champion: Version | None, *, who: str, when: datetime) -> bool:
    """Empty the challenger's pointer if it names ``champion``; return whether it did."""
    if champion is None or _read(store, "challenger").version != champion:
        return False
    move(store, None, "retire", who=who, why="it is the champion", when=when)
    return True


def history(store: Store) -> list[Event]:
    """Return every move of either pointer, oldest first."""
    events = {}
    for key in store.objects.list(_AUDIT):
        data = store.objects.get(key)
        event = parsed(lambda content: Event(**json.loads(content)), data, key, error=ModelError)
        events[event.number] = event
    carried_out = set()
    for role in set(_MOVED.values()):
        number = _read(store, role).event
        while number in events:
            carried_out.add(number)
            number = events[number].previous
    return [replace(events[n], done=n in carried_out) for n in sorted(events)]


def roles(store: Store) -> dict[str, str]:
    """Return what each version is or was: champion, challenger or former champion, by number."""
    crowned = (e.new for e in history(store) if e.done and e.role == "champion")
    roles_by_number = dict.fromkeys(filter(None, crowned), "former champion")
    if challenger := challenger_pointer(store):
        roles_by_number[challenger.version] = "challenger"
    if champion := champion_pointer(store):
        roles_by_number[champion.version] = "champion"
    return roles_by_number


def _key(role: Role) -> str:
    return f"registry/{role}.json"


def _read(store: Store, role: Role) -> _Pointer:
    stored = store.objects.get_or_none(_key(role))
    if stored is None:
        return _Pointer(None, 0, None)

    def pointer(content: bytes) -> _Pointer:
        fields = json.loads(content)
        event = int(fields.pop("event"))
        # Only a challenger retires; a champion's pointer that names no version is broken.
        none = role == "challenger" and not fields
        return _Pointer(None if none else Version(**fields), event, stored.etag)

    return parsed(pointer, stored.data, _key(role), error=ModelError)
